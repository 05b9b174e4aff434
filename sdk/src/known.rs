//! Which fields a config type knows at a place, found out by asking the type
//! itself to read nothing at all.

use std::fmt;

use serde::{
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
        value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

/// The fields next to the one of this path (`a.list[0].b`), if its type lists
/// them.
pub(crate) fn fields_beside<C: DeserializeOwned>(path: &str) -> &'static [&'static str] {
    let mut steps: Vec<&str> =
        path.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
    steps.pop();
    let mut known: &'static [&'static str] = &[];
    // It always ends so: nothing was read.
    let _ = C::deserialize(Probe { steps: &steps, known: &mut known });
    known
}

/// Reads as far as the steps lead, and notes what is known there.
struct Probe<'a> {
    steps: &'a [&'a str],
    known: &'a mut &'static [&'static str],
}

/// Nothing was read.
#[derive(Debug)]
struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was read")
    }
}

impl std::error::Error for Nothing {}

impl serde::de::Error for Nothing {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Nothing;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        if self.steps.is_empty() {
            *self.known = fields;
            return Err(Nothing);
        }
        visitor.visit_map(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        visitor.visit_seq(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = Nothing;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Nothing> {
        let step = self.steps.first().ok_or(Nothing)?;
        seed.deserialize(StrDeserializer::new(step)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Nothing> {
        let steps = self.steps.get(1..).ok_or(Nothing)?;
        seed.deserialize(Probe { steps, known: self.known })?;
        // Nothing lies beside the way.
        Err(Nothing)
    }
}

impl<'de> SeqAccess<'de> for Probe<'_> {
    type Error = Nothing;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Nothing> {
        let steps = self.steps.get(1..).ok_or(Nothing)?;
        seed.deserialize(Probe { steps, known: self.known })?;
        Err(Nothing)
    }
}
