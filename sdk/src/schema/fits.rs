//! Reads a text as its description says, and keeps nothing of it.

use std::fmt;

use ron::value::RawValue;
use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
        VariantAccess, Visitor,
    },
};

use super::{
    BoundShape, FieldShape, NumberKind, PayloadShape, Shape, VariantShape,
    check::{Found, Trouble, shown},
    names::{Name, NameSeed, lasting},
    value::Value,
};
use crate::hints::known;

/// Reads a value of this shape.
#[derive(Clone, Copy)]
pub(super) struct Fits<'a> {
    pub(super) shape: &'a Shape,
    pub(super) bounds: &'a BoundShape,
    /// All of it.
    pub(super) text: &'a str,
    pub(super) found: &'a Found,
}

impl<'a> Fits<'a> {
    fn of(self, shape: &'a Shape) -> Self {
        Self { shape, ..self }
    }

    fn field(self, field: &'a FieldShape) -> Self {
        Self { shape: &field.of, bounds: &field.bounds, ..self }
    }

    fn trouble<E: Error>(self, trouble: Trouble) -> E {
        *self.found.trouble.borrow_mut() = Some(trouble);
        E::custom("it does not fit its description")
    }

    /// Where a name stands that was borrowed from the text.
    fn place(self, name: &str) -> Option<usize> {
        let at = name.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        (at < self.text.len()).then_some(at)
    }

    fn number<E: Error>(self, number: Value) -> Result<(), E> {
        if number.is_within(self.bounds) {
            return Ok(());
        }
        let must = format!("{}, not {number}", self.bounds.must());
        Err(self.trouble(Trouble::Must { must, place: self.found.field.get() }))
    }

    /// Reads one value per field; those at the end that need not be there may
    /// be missing.
    fn items<'de, A: SeqAccess<'de>>(
        self,
        mut items: A,
        parts: impl ExactSizeIterator<Item = (Self, bool)>,
    ) -> Result<(), A::Error> {
        let len = parts.len();
        for (at, (part, required)) in parts.enumerate() {
            if items.next_element_seed(part)?.is_none() {
                return if required {
                    Err(A::Error::invalid_length(at, &format!("{len} values").as_str()))
                } else {
                    Ok(())
                };
            }
        }
        Ok(())
    }

    /// Reads the fields of a struct, whatever their order.
    fn fields<'de, A: MapAccess<'de>>(
        self,
        mut map: A,
        fields: &'a [FieldShape],
    ) -> Result<(), A::Error> {
        let mut given = vec![false; fields.len()];
        let outer = self.found.field.get();
        while let Some(Name { name, borrowed }) = map.next_key_seed(NameSeed)? {
            let is_called =
                |field: &FieldShape| field.name == name || field.aliases.contains(&name);
            let Some(at) = fields.iter().position(is_called) else {
                let all = fields.iter().map(|field| field.name.as_str());
                let message = format!("Unexpected field named `{name}`{}", known(&name, all));
                return Err(self.trouble(Trouble::Name { name, message }));
            };
            if std::mem::replace(&mut given[at], true) {
                let message = format!("`{name}` is given twice");
                return Err(self.trouble(Trouble::Name { name, message }));
            }
            let place = borrowed.and_then(|borrowed| self.place(borrowed));
            self.found.field.set(place.or(outer));
            map.next_value_seed(self.field(&fields[at]))?;
        }
        self.found.field.set(outer);
        match fields.iter().zip(given).find(|(field, given)| field.required && !given) {
            None => Ok(()),
            Some((FieldShape { name, help, .. }, _)) => {
                let stop = if help.is_empty() { "" } else { ": " };
                let help = help.lines().next().unwrap_or_default().trim_end_matches('.');
                let message = format!("`{name}` must be given{stop}{help}");
                Err(self.trouble(Trouble::Name { name: name.clone(), message }))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Fits<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        if !self.found.closely {
            return self.read(text);
        }
        let read = match self.shape {
            Shape::Number { .. } => self.number_alone(text),
            _ => self.read(text),
        };
        // The innermost comes first.
        if read.is_err() && self.found.trouble.borrow().is_none() {
            let expected = || (self.shape.clone(), self.bounds.clone());
            self.found.expected.borrow_mut().get_or_insert_with(expected);
        }
        read
    }
}

impl<'a> Fits<'a> {
    /// Reads a number apart from what surrounds it: of 1.5, a whole number is
    /// the beginning, and what is wrong would be that no comma follows.
    fn number_alone<'de, D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        let number = <&RawValue>::deserialize(text)?.get_ron().trim();
        let options = ron::Options::default().with_default_extension(self.found.extensions);
        let read = ron::Deserializer::from_str_with_options(number, &options)
            .map_err(|error| error.code)
            .and_then(|mut ron| self.read(&mut ron).and_then(|()| ron.end()));
        match read {
            Ok(()) => Ok(()),
            Err(_) if self.found.trouble.borrow().is_some() => {
                Err(D::Error::custom("it is out of its bounds"))
            }
            Err(_) => {
                let words = self.shape.words(self.bounds);
                let must = format!("must be {words}, not {}", shown(number));
                Err(self.trouble(Trouble::Must { must, place: self.place(number) }))
            }
        }
    }

    fn read<'de, D: Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        match self.shape {
            Shape::Any => text.deserialize_ignored_any(IgnoredAny).map(drop),
            Shape::Unit => text.deserialize_unit(self),
            Shape::Bool => text.deserialize_bool(self),
            Shape::Char => text.deserialize_char(self),
            Shape::Text => text.deserialize_str(self),
            Shape::Number { kind } => match kind {
                NumberKind::U8 => text.deserialize_u8(self),
                NumberKind::U16 => text.deserialize_u16(self),
                NumberKind::U32 => text.deserialize_u32(self),
                NumberKind::U64 => text.deserialize_u64(self),
                NumberKind::U128 => text.deserialize_u128(self),
                NumberKind::I8 => text.deserialize_i8(self),
                NumberKind::I16 => text.deserialize_i16(self),
                NumberKind::I32 => text.deserialize_i32(self),
                NumberKind::I64 => text.deserialize_i64(self),
                NumberKind::I128 => text.deserialize_i128(self),
                NumberKind::F32 => text.deserialize_f32(self),
                NumberKind::F64 => text.deserialize_f64(self),
                NumberKind::Unknown => text.deserialize_ignored_any(IgnoredAny).map(drop),
            },
            Shape::Optional { .. } => text.deserialize_option(self),
            Shape::List { .. } => text.deserialize_seq(self),
            Shape::Array { len, .. } => text.deserialize_tuple(*len, self),
            Shape::Map { .. } => text.deserialize_map(self),
            Shape::Tuple { of } => text.deserialize_tuple(of.len(), self),
            Shape::UnitStruct { name } => text.deserialize_unit_struct(lasting(name), self),
            Shape::Newtype { name, .. } => text.deserialize_newtype_struct(lasting(name), self),
            Shape::TupleStruct { name, fields } => {
                text.deserialize_tuple_struct(lasting(name), fields.len(), self)
            }
            Shape::Struct { name, .. } => text.deserialize_struct(lasting(name), &[], self),
            Shape::Enum { name, .. } => text.deserialize_enum(lasting(name), &[], self),
        }
    }
}

impl<'de> Visitor<'de> for Fits<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_char<E: Error>(self, _: char) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(Value::Whole(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(Value::Whole(number.into()))
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<(), E> {
        self.number(Value::Whole(number))
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<(), E> {
        self.number(Value::Whole(i128::try_from(number).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.number(Value::Float(number))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<(), D::Error> {
        match self.shape {
            Shape::Optional { of } => self.of(of).deserialize(inner),
            _ => Err(D::Error::custom("no option belongs here")),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<(), D::Error> {
        match self.shape {
            Shape::Newtype { fields, .. } => match &**fields {
                [only] => self.field(only).deserialize(inner),
                _ => IgnoredAny::deserialize(inner).map(drop),
            },
            _ => Err(D::Error::custom("no newtype belongs here")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self.shape {
            Shape::List { of } => {
                while items.next_element_seed(self.of(of))?.is_some() {}
                Ok(())
            }
            Shape::Array { of, len } => self.items(items, (0..*len).map(|_| (self.of(of), true))),
            Shape::Tuple { of } => self.items(items, of.iter().map(|of| (self.of(of), true))),
            Shape::TupleStruct { fields, .. } => {
                self.items(items, fields.iter().map(|field| (self.field(field), field.required)))
            }
            _ => Err(A::Error::custom("no list belongs here")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self.shape {
            Shape::Struct { fields, .. } => self.fields(map, fields),
            Shape::Map { keys, values } => {
                while map.next_key_seed(self.of(keys))?.is_some() {
                    map.next_value_seed(self.of(values))?;
                }
                Ok(())
            }
            _ => Err(A::Error::custom("no struct belongs here")),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<(), A::Error> {
        let Shape::Enum { variants, open, .. } = self.shape else {
            return Err(A::Error::custom("no name belongs here"));
        };
        let (Name { name, .. }, payload) = choice.variant_seed(NameSeed)?;
        let is_called =
            |variant: &&VariantShape| variant.name == name || variant.aliases.contains(&name);
        match variants.iter().find(is_called) {
            Some(variant) => self.payload(variant, payload),
            None if *open => payload.unit_variant(),
            None => {
                let all = variants.iter().map(|variant| variant.name.as_str());
                let message = format!("Unexpected choice `{name}`{}", known(&name, all));
                Err(self.trouble(Trouble::Value(message)))
            }
        }
    }
}

impl<'a> Fits<'a> {
    fn payload<'de, A: VariantAccess<'de>>(
        self,
        variant: &'a VariantShape,
        payload: A,
    ) -> Result<(), A::Error> {
        let fields = &*variant.fields;
        match (variant.payload, fields) {
            (PayloadShape::Unit, _) => payload.unit_variant(),
            (PayloadShape::Newtype, [only]) => payload.newtype_variant_seed(self.field(only)),
            (PayloadShape::Tuple, _) => {
                payload.tuple_variant(fields.len(), Parts { fields, of: self })
            }
            (PayloadShape::Struct, _) => payload.struct_variant(&[], Parts { fields, of: self }),
            // Of a plugin that is newer than this host, or damaged.
            (PayloadShape::Newtype | PayloadShape::Unknown, _) => {
                payload.newtype_variant::<IgnoredAny>().map(drop)
            }
        }
    }
}

/// The fields of a variant.
struct Parts<'a> {
    fields: &'a [FieldShape],
    of: Fits<'a>,
}

impl<'de> Visitor<'de> for Parts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let parts = self.fields.iter().map(|field| (self.of.field(field), field.required));
        self.of.items(items, parts)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.of.fields(map, self.fields)
    }
}
