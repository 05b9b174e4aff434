//! The types of the standard library, as `serde` reads them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
    num::{
        NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
        NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
    },
    path::PathBuf,
    time::Duration,
};

use super::{Bounds, Field, Number, Schema, Type};

macro_rules! described {
    ($($ty:ty: $schema:expr;)+) => {
        $(impl Schema for $ty {
            const SCHEMA: Type = $schema;
        })+
    };
}

macro_rules! numbers {
    ($($kind:ident: $($ty:ty)+;)+) => {
        $($(impl Schema for $ty {
            const SCHEMA: Type = Type::Number { kind: Number::$kind };
        })+)+
    };
}

macro_rules! like {
    ($($ty:ident { $($shape:tt)+ };)+) => {
        $(impl<T: Schema> Schema for $ty<T> {
            const SCHEMA: Type = $($shape)+;
        })+
    };
}

described! {
    (): Type::Unit;
    bool: Type::Bool;
    char: Type::Char;
    String: Type::Text;
    str: Type::Text;
    PathBuf: Type::Text;
    IpAddr: Type::Text;
    Ipv4Addr: Type::Text;
    Ipv6Addr: Type::Text;
    SocketAddr: Type::Text;
    SocketAddrV4: Type::Text;
    SocketAddrV6: Type::Text;
    Duration: Type::Struct { name: "Duration", fields: &DURATION };
}

// The size of a `usize` is the platform's; what is too large for it is refused
// when the component is opened.
numbers! {
    U8: u8 NonZeroU8;
    U16: u16 NonZeroU16;
    U32: u32 NonZeroU32;
    U64: u64 NonZeroU64 usize NonZeroUsize;
    U128: u128 NonZeroU128;
    I8: i8 NonZeroI8;
    I16: i16 NonZeroI16;
    I32: i32 NonZeroI32;
    I64: i64 NonZeroI64 isize NonZeroIsize;
    I128: i128 NonZeroI128;
    F32: f32;
    F64: f64;
}

like! {
    Option { Type::Optional { of: &T::SCHEMA } };
    Vec { Type::List { of: &T::SCHEMA } };
    VecDeque { Type::List { of: &T::SCHEMA } };
    LinkedList { Type::List { of: &T::SCHEMA } };
    BTreeSet { Type::List { of: &T::SCHEMA } };
    BinaryHeap { Type::List { of: &T::SCHEMA } };
}

impl<T: Schema + ?Sized> Schema for Box<T> {
    const SCHEMA: Type = T::SCHEMA;
}

impl<T: Schema> Schema for Box<[T]> {
    const SCHEMA: Type = Type::List { of: &T::SCHEMA };
}

impl<T: Schema + ToOwned + ?Sized> Schema for Cow<'_, T> {
    const SCHEMA: Type = T::SCHEMA;
}

impl<T: Schema, S> Schema for HashSet<T, S> {
    const SCHEMA: Type = Type::List { of: &T::SCHEMA };
}

impl<K: Schema, V: Schema> Schema for BTreeMap<K, V> {
    const SCHEMA: Type = Type::Map { keys: &K::SCHEMA, values: &V::SCHEMA };
}

impl<K: Schema, V: Schema, S> Schema for HashMap<K, V, S> {
    const SCHEMA: Type = Type::Map { keys: &K::SCHEMA, values: &V::SCHEMA };
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    const SCHEMA: Type = Type::Array { of: &T::SCHEMA, len: N };
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {
        $(impl<$($name: Schema),+> Schema for ($($name,)+) {
            const SCHEMA: Type = Type::Tuple { of: &[$($name::SCHEMA),+] };
        })+
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

const DURATION: [Field; 2] =
    [whole_number("secs", Number::U64), whole_number("nanos", Number::U32)];

const fn whole_number(name: &'static str, kind: Number) -> Field {
    Field {
        name,
        aliases: &[],
        help: "",
        required: true,
        default: "",
        bounds: Bounds::NONE,
        of: Type::Number { kind },
    }
}
