//! The author's guide, whose blocks of Rust are compiled and run as tests of
//! this crate's documentation; `tests/authors` checks that no page is missing.

macro_rules! pages {
    ($($page:ident)+) => {
        $(
            #[doc = include_str!(concat!("../../docs/plugins/", stringify!($page), ".md"))]
            mod $page {}
        )+
    };
}

pages!(README concepts engine faults policy replay rules shipping strategy testing transport troubleshooting trust versions);
