//! Features of processors: which a library was compiled to need, and which this
//! machine's processor has.
//!
//! A compiler that is told to (`-C target-cpu=native`, `-C target-feature=…`)
//! uses them without asking; a library built so ends the process on a processor
//! that lacks one. Code that asks first (`is_x86_feature_detected!`) needs none.

macro_rules! features {
    ($($arch:literal $detected:ident [$($name:tt)+];)+) => {
        /// The names of features, each with whether the crate that says this is
        /// compiled to need it, beyond what all processors of its platform have.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! __required_features {
            () => {
                &[$($((
                    $name,
                    cfg!(all(target_arch = $arch, target_feature = $name))
                        && !$crate::processor::is_common($name),
                ),)+)+]
            };
        }

        /// Whether this machine's processor has a feature; `None`: its name is
        /// not known here, or means nothing on this processor.
        pub fn has(feature: &str) -> Option<bool> {
            $(#[cfg(target_arch = $arch)]
            match feature {
                $($name => return Some(std::arch::$detected!($name)),)+
                _ => {}
            })+
            let _ = feature;
            None
        }
    };
}

features! {
    "x86_64" is_x86_feature_detected [
        "sse3" "ssse3" "sse4.1" "sse4.2" "sse4a" "popcnt" "cmpxchg16b" "movbe"
        "avx" "avx2" "fma" "f16c" "bmi1" "bmi2" "lzcnt" "tbm" "adx"
        "aes" "pclmulqdq" "sha" "vaes" "vpclmulqdq" "gfni" "rdrand" "rdseed"
        "xsave" "xsavec" "xsaveopt" "xsaves"
        "avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl" "avx512ifma" "avx512vbmi"
        "avx512vbmi2" "avx512vnni" "avx512bitalg" "avx512vpopcntdq" "avx512bf16"
    ];
    "aarch64" is_aarch64_feature_detected [
        "aes" "sha2" "sha3" "crc" "lse" "lse2" "rdm" "fp16" "fhm" "fcma" "jsconv" "dotprod"
        "bf16" "i8mm" "sve" "sve2" "rcpc" "rcpc2" "paca" "pacg" "dpb" "dpb2" "flagm" "frintts"
        "sb" "ssbs" "bti" "dit"
    ];
}

/// What all processors of this platform have, as the compiler assumes it.
const COMMON: &str = env!("SPACETIME_SDK_FEATURES");

/// Whether all processors of this platform have a feature.
#[doc(hidden)]
pub const fn is_common(feature: &str) -> bool {
    let (all, name) = (COMMON.as_bytes(), feature.as_bytes());
    let (mut begin, mut at) = (0, 0);
    // Names between commas.
    while at <= all.len() {
        if at == all.len() || all[at] == b',' {
            if at - begin == name.len() && begins_with(all, begin, name) {
                return true;
            }
            begin = at + 1;
        }
        at += 1;
    }
    false
}

const fn begins_with(all: &[u8], begin: usize, name: &[u8]) -> bool {
    let mut i = 0;
    while i < name.len() {
        if all[begin + i] != name[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platforms_own_features_are_common() {
        if cfg!(target_arch = "x86_64") {
            assert!(is_common("sse2"), "{COMMON}");
        }
        if cfg!(target_arch = "aarch64") {
            assert!(is_common("neon"), "{COMMON}");
        }
        for none in ["", "avx512f", "sse", "sse22", "se2", "fxsr,sse"] {
            assert_eq!(is_common(none), COMMON.split(',').any(|one| one == none), "{none}");
        }
    }

    #[test]
    fn unknown_features_are_neither_there_nor_missing() {
        assert_eq!(has("telepathy"), None);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(has("avx2"), Some(std::arch::is_x86_feature_detected!("avx2")));
    }
}
