//! Pieces that the schema's types are read with: borrowed text, ordered maps, floats, unions.
//!
//! Nothing here knows a field of the schema; `union!` is the one rule for PyTorch's tagged unions.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use indexmap::IndexMap;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Text of the file: a slice of the JSON where it has no escapes, a copy where it has.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Str<'a>(Cow<'a, str>);

impl<'a> Str<'a> {
    /// The text as a plain slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without its wrapper.
    pub fn into_cow(self) -> Cow<'a, str> {
        self.0
    }
}

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Str<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Str<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Str(Cow::Borrowed(text))
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Str(Cow::Owned(text))
    }
}

impl PartialEq<str> for Str<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

struct StrVisitor;

impl<'de> Visitor<'de> for StrVisitor {
    type Value = Str<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Str<'de>, E> {
        Ok(Str(Cow::Owned(text)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StrVisitor)
    }
}

/// An object of the file whose keys are data; iterates in the file's order.
pub type Map<'a, V> = IndexMap<Str<'a>, V>;

struct MapVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for MapVisitor<V> {
    type Value = Map<'de, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Map<'de, V>, E> {
        Ok(Map::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map<'de, V>, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<Str<'de>>()? {
            let value = access.next_value()?;
            if let Some((key, _)) = map.get_key_value(&key) {
                return Err(de::Error::custom(format_args!(
                    "the key `{key}` occurs twice"
                )));
            }
            map.insert(key, value);
        }
        Ok(map)
    }
}

/// Reads an object whose keys must differ; `null` is the empty object.
pub(super) fn map<'de, D, V>(deserializer: D) -> Result<Map<'de, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    deserializer.deserialize_any(MapVisitor(PhantomData))
}

/// An object whose keys must differ, where a type is wanted and not a function.
pub(super) struct Dictionary<'a, V>(pub Map<'a, V>);

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Dictionary<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        map(deserializer).map(Dictionary)
    }
}

/// Reads a value for which `null` means its default.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A Python float: a JSON number, or one of the strings `NaN`, `Infinity`, `-Infinity`.
pub(super) struct Float(pub f64);

struct FloatVisitor;

impl Visitor<'_> for FloatVisitor {
    type Value = Float;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, `NaN`, `Infinity` or `-Infinity`")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Float, E> {
        Ok(Float(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Float, E> {
        Ok(Float(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Float, E> {
        Ok(Float(value as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Float, E> {
        match text {
            "NaN" => Ok(Float(f64::NAN)),
            "Infinity" => Ok(Float(f64::INFINITY)),
            "-Infinity" => Ok(Float(f64::NEG_INFINITY)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloatVisitor)
    }
}

/// A bound of a range: an integer, or no bound written as `null`, `Infinity` or `-Infinity`.
pub(super) struct Bound(pub Option<i64>);

struct BoundVisitor;

impl Visitor<'_> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer of 64 bits, `null`, `Infinity` or `-Infinity`")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Bound, E> {
        Ok(Bound(None))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Bound, E> {
        Ok(Bound(Some(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Bound, E> {
        i64::try_from(value)
            .map(|value| Bound(Some(value)))
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bound, E> {
        match text {
            "Infinity" | "-Infinity" => Ok(Bound(None)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

/// A tensor argument: `{"name": "x"}`, or in 2.3's optional tensors just `"x"`.
pub(super) struct Name<'a>(pub Str<'a>);

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a `name`")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Name<'de>, E> {
        StrVisitor.visit_borrowed_str(text).map(Name)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<'de>, E> {
        StrVisitor.visit_str(text).map(Name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Name<'de>, A::Error> {
        let mut name = None;
        while let Some(key) = access.next_key::<Str<'de>>()? {
            if key != "name" {
                access.next_value::<de::IgnoredAny>()?;
            } else if name.replace(access.next_value()?).is_some() {
                return Err(de::Error::duplicate_field("name"));
            }
        }
        name.map(Name)
            .ok_or_else(|| de::Error::missing_field("name"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

/// Reads a [`Name`] straight into its text.
pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Str<'de>, D::Error> {
    Name::deserialize(deserializer).map(|name| name.0)
}

struct ListVisitor<T, U>(PhantomData<(T, U)>);

impl<'de, T: Deserialize<'de>, U: From<T>> Visitor<'de> for ListVisitor<T, U> {
    type Value = Vec<U>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<U>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element::<T>()? {
            list.push(item.into());
        }
        Ok(list)
    }
}

/// An array whose elements are read as `T` and kept as `U`.
pub(super) struct List<T, U>(pub Vec<U>, PhantomData<T>);

impl<'de, T: Deserialize<'de>, U: From<T>> Deserialize<'de> for List<T, U> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = deserializer.deserialize_seq(ListVisitor::<T, U>(PhantomData))?;
        Ok(List(list, PhantomData))
    }
}

impl<T, U> From<List<T, U>> for Vec<U> {
    fn from(list: List<T, U>) -> Self {
        list.0
    }
}

impl From<Float> for f64 {
    fn from(float: Float) -> f64 {
        float.0
    }
}

impl<'a> From<Name<'a>> for Str<'a> {
    fn from(name: Name<'a>) -> Str<'a> {
        name.0
    }
}

/// Reads PyTorch's tagged unions: an object with exactly one key, the tag.
///
/// Each row is `"tag" => |pattern: type read| value`.
macro_rules! union {
    ($what:literal, $name:ident < $life:lifetime >, { $($tag:literal => |$value:tt: $read:ty| $build:expr,)+ }) => {
        impl<'de: $life, $life> serde::Deserialize<'de> for $name<$life> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Tags;
                impl<$life> serde::de::Visitor<$life> for Tags {
                    type Value = $name<$life>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!($what, ", an object with one tag"))
                    }

                    fn visit_map<A: serde::de::MapAccess<$life>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                        use serde::de::Error;
                        let Some(tag) = access.next_key::<$crate::schema::text::Str<$life>>()? else {
                            return Err(Error::custom(concat!($what, " without a tag")));
                        };
                        let value = match tag.as_str() {
                            $($tag => {
                                let $value = access.next_value::<$read>()?;
                                $build
                            })+
                            unknown => {
                                let known: &[&str] = &[$($tag),+];
                                return Err(Error::custom(format_args!(
                                    concat!("unknown tag `{}` of ", $what, ", expected one of `{}`"),
                                    unknown,
                                    known.join("`, `"),
                                )));
                            }
                        };
                        if let Some(second) = access.next_key::<$crate::schema::text::Str<$life>>()? {
                            return Err(Error::custom(format_args!(
                                concat!($what, " with two tags, `{}` and `{}`"), tag, second
                            )));
                        }
                        Ok(value)
                    }
                }
                deserializer.deserialize_map(Tags)
            }
        }
    };
}
pub(super) use union;

#[cfg(test)]
mod tests {
    use super::*;

    fn float(json: &str) -> f64 {
        serde_json::from_str::<Float>(json).expect("a float").0
    }

    /// Python writes the shortest text that gives the same float; reading must give it back to the last bit.
    #[test]
    fn floats_are_read_to_the_last_bit() {
        let mut bits = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..10_000 {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(
                    float(&format!("{value:e}")).to_bits(),
                    value.to_bits(),
                    "{value:e}"
                );
            }
        }
        assert_eq!(float("0.30000000000000004"), 0.1 + 0.2);
        assert_eq!(float("5e-324"), f64::from_bits(1));
        assert_eq!(float("3"), 3.0);
        assert!(float("\"NaN\"").is_nan());
        assert_eq!(float("\"-Infinity\""), f64::NEG_INFINITY);
        assert!(serde_json::from_str::<Float>("\"0.5\"").is_err());
    }

    #[test]
    fn strings_are_borrowed_unless_they_have_escapes() {
        let read = |json: &'static str| {
            serde_json::from_str::<Str<'static>>(json)
                .expect("text")
                .into_cow()
        };
        assert!(matches!(read("\"plain\""), Cow::Borrowed("plain")));
        assert!(matches!(read(r#""a\u00e9""#), Cow::Owned(text) if text == "a\u{e9}"));
    }

    #[test]
    fn a_key_that_occurs_twice_is_refused() {
        let read = |json: &str| {
            map::<_, i64>(&mut serde_json::Deserializer::from_str(json)).map(|map| map.len())
        };
        assert_eq!(read(r#"{"b": 1, "a": 2}"#).expect("a map"), 2);
        assert_eq!(read("null").expect("a map"), 0);
        assert!(
            read(r#"{"a": 1, "a": 2}"#)
                .expect_err("twice")
                .to_string()
                .starts_with("the key `a` occurs twice")
        );
    }
}
