//! Hash fields from JSON, `{"field":…}` or `[["field",…]]`, and their expiries beside them.
use super::pull::{Json, Result};
use super::strings::Text;

/// How fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldShape {
    /// Members of an object.
    Members,
    /// Pairs in an array: names that are no UTF-8.
    Pairs,
}

impl FieldShape {
    /// Takes the first bracket; `what` is expected.
    pub fn open(json: &mut Json<'_>, what: &str) -> Result<Self> {
        if json.takes(b'{') {
            return Ok(FieldShape::Members);
        }
        json.take(b'[', what)?;
        Ok(FieldShape::Pairs)
    }

    /// The last bracket.
    pub fn close(self) -> u8 {
        match self {
            FieldShape::Members => b'}',
            FieldShape::Pairs => b']',
        }
    }

    /// The name of a field, and what stands before its value.
    #[inline]
    pub fn field<'a: 'b, 'b>(self, json: &mut Json<'a>, text: &'b mut Text) -> Result<&'b [u8]> {
        match self {
            FieldShape::Members => {
                let field = json.string(text)?;
                json.take(b':', "a colon after a field")?;
                Ok(field)
            }
            FieldShape::Pairs => {
                json.take(b'[', "[field, value]")?;
                let field = json.bytes(text)?;
                json.take(b',', "a comma after a field")?;
                Ok(field)
            }
        }
    }

    /// What stands after a value.
    #[inline]
    pub fn end_field(self, json: &mut Json<'_>) -> Result<()> {
        match self {
            FieldShape::Members => Ok(()),
            FieldShape::Pairs => json.take(b']', "the ] after a value"),
        }
    }
}

/// Expiries of fields, read side by side with the fields: they have the same order, and those
/// without one are left out. So nothing is held, however many there are.
pub struct FieldExpiries<'a> {
    json: Json<'a>,
    shape: FieldShape,
    first: bool,
    text: Text,
    /// The next expiry; its field is in `field`.
    next_at_ms: Option<i64>,
    field: Vec<u8>,
    field_at: usize,
}

impl<'a> FieldExpiries<'a> {
    /// At the first one.
    pub fn open(mut json: Json<'a>) -> Result<Self> {
        let shape = FieldShape::open(&mut json, "the { or [ of field expiries")?;
        let (text, field) = (Text::default(), Vec::new());
        let mut expiries =
            Self { json, shape, first: true, text, next_at_ms: None, field, field_at: 0 };
        expiries.read()?;
        Ok(expiries)
    }

    fn read(&mut self) -> Result<()> {
        self.next_at_ms = None;
        if !self.json.more(&mut self.first, self.shape.close())? {
            return Ok(());
        }
        self.field_at = self.json.at();
        let field = self.shape.field(&mut self.json, &mut self.text)?;
        self.field.clear();
        self.field.extend_from_slice(field);
        let at = self.json.at();
        let at_ms: i64 = self.json.int()?;
        if at_ms < 0 {
            return Err(Json::fault_at(at, "the expiry of a field is negative"));
        }
        self.shape.end_field(&mut self.json)?;
        self.next_at_ms = Some(at_ms);
        Ok(())
    }

    /// The expiry of this field, which must be the one after the last.
    #[inline]
    pub fn of(&mut self, field: &[u8]) -> Result<Option<i64>> {
        let Some(at_ms) = self.next_at_ms.filter(|_| self.field == field) else {
            return Ok(None);
        };
        self.read()?;
        Ok(Some(at_ms))
    }

    /// All must have been asked for.
    pub fn end(&self) -> Result<()> {
        match self.next_at_ms {
            None => Ok(()),
            Some(_) => {
                let field = String::from_utf8_lossy(&self.field);
                let what = format!(
                    "the value has no field {field:?}, or has it before another whose expiry \
                     stands earlier"
                );
                Err(Json::fault_at(self.field_at, what))
            }
        }
    }
}
