//! The elements of a value of any kind but stream, handed to one closure.
use super::super::stream::StreamMeta;
use super::super::types::ValueType;
use super::super::value::{visit, Visitor};
use super::plan::Value;
use crate::encodings::stream::Message;
use crate::error::FormatError;
use std::marker::PhantomData;

/// An element.
#[derive(Clone, Copy)]
pub(super) enum Element<'a> {
    /// A list item or set member.
    Item(&'a [u8]),
    /// A sorted set member and its score.
    Member(&'a [u8], f64),
    /// A hash field, its value, its expiry.
    Field(&'a [u8], &'a [u8], Option<i64>),
}

/// Calls `take` for each element.
pub(super) fn each_element<E: From<FormatError>>(
    value: &Value<'_>,
    take: impl FnMut(Element<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut each = Each { take, error: PhantomData };
    visit(value.value_type, value.payload, value.templates, &mut each)
}

struct Each<F, E> {
    take: F,
    error: PhantomData<E>,
}

impl<E, F> Visitor for Each<F, E>
where
    E: From<FormatError>,
    F: FnMut(Element<'_>) -> Result<(), E>,
{
    type Error = E;

    fn string(&mut self, value: &[u8]) -> Result<(), E> {
        (self.take)(Element::Item(value))
    }

    fn list_item(&mut self, item: &[u8]) -> Result<(), E> {
        (self.take)(Element::Item(item))
    }

    fn set_member(&mut self, member: &[u8]) -> Result<(), E> {
        (self.take)(Element::Item(member))
    }

    fn zset_member(&mut self, member: &[u8], score: f64) -> Result<(), E> {
        (self.take)(Element::Member(member, score))
    }

    fn hash_field(&mut self, field: &[u8], value: &[u8], at_ms: Option<i64>) -> Result<(), E> {
        (self.take)(Element::Field(field, value, at_ms))
    }

    fn stream_message(&mut self, _: &Message<'_>) -> Result<(), E> {
        Ok(())
    }

    fn stream_meta(&mut self, _: &StreamMeta) -> Result<(), E> {
        Ok(())
    }

    fn opaque(&mut self, _: ValueType, _: &[u8]) -> Result<(), E> {
        Ok(())
    }
}
