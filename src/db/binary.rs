//! Values in the binary form the server sends them in.
//!
//! Rows of a COPY are read as `PostgreSQL`'s documentation of COPY has them, "Binary Format"; each value in the form
//! its type's `…send` function writes.

use super::DbError;

/// What begins every stream: signature, flags, length of the header's extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Bytes read from the front.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Those of a message of a COPY: some whole rows, or the end.
    #[must_use]
    pub fn of_message(message: &'a [u8]) -> Self {
        Self(message.strip_prefix(HEADER).unwrap_or(message))
    }

    /// Begins the next row, if there is one.
    ///
    /// # Errors
    /// When it has another number of columns.
    pub fn begin_row(&mut self, columns: usize) -> Result<bool, DbError> {
        if self.0.is_empty() {
            return Ok(false);
        }
        let there = i16::from_be_bytes(self.array()?);
        if there != -1 && usize::try_from(there) != Ok(columns) {
            return Err(malformed());
        }
        Ok(there != -1)
    }

    /// The next value's bytes; `None` is NULL.
    ///
    /// # Errors
    /// When the bytes end before it does.
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, DbError> {
        let length = i32::from_be_bytes(self.array()?);
        usize::try_from(length).ok().map(|length| self.take(length)).transpose()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DbError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DbError> {
        fixed(self.take(N)?)
    }
}

fn malformed() -> DbError {
    DbError::Stored("a value is not in the binary form its type has".to_owned())
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], DbError> {
    bytes.try_into().map_err(|_| malformed())
}

/// `int4`.
///
/// # Errors
/// When it is not in that form; so of all below.
pub fn int4(bytes: &[u8]) -> Result<i32, DbError> {
    fixed(bytes).map(i32::from_be_bytes)
}

/// `int8`.
///
/// # Errors
/// See [`int4`].
pub fn int8(bytes: &[u8]) -> Result<i64, DbError> {
    fixed(bytes).map(i64::from_be_bytes)
}

/// `float8`.
///
/// # Errors
/// See [`int4`].
pub fn float8(bytes: &[u8]) -> Result<f64, DbError> {
    fixed(bytes).map(f64::from_be_bytes)
}

/// `boolean`.
///
/// # Errors
/// See [`int4`].
pub fn boolean(bytes: &[u8]) -> Result<bool, DbError> {
    fixed::<1>(bytes).map(|[b]| b != 0)
}

/// `text`, `varchar` or an enum's label.
///
/// # Errors
/// See [`int4`].
pub fn text(bytes: &[u8]) -> Result<&str, DbError> {
    std::str::from_utf8(bytes).map_err(|_| malformed())
}

/// `text[]` of one dimension without NULLs.
///
/// # Errors
/// See [`int4`].
pub fn text_list(bytes: &[u8]) -> Result<Vec<&str>, DbError> {
    list(bytes, text)
}

/// `bigint[]` of one dimension without NULLs.
///
/// # Errors
/// See [`int4`].
pub fn int8_list(bytes: &[u8]) -> Result<Vec<i64>, DbError> {
    list(bytes, int8)
}

fn list<'r, T>(bytes: &'r [u8], of: impl Fn(&'r [u8]) -> Result<T, DbError>) -> Result<Vec<T>, DbError> {
    let mut fields = Fields(bytes);
    let mut number = || fields.array().map(i32::from_be_bytes);
    // The second tells whether there are NULLs, the third the elements' type, the last where the subscripts begin.
    let (dimensions, _, _) = (number()?, number()?, number()?);
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    let (count, _) = (number()?, number()?);
    if dimensions != 1 {
        return Err(malformed());
    }
    (0..count).map(|_| of(fields.value()?.ok_or_else(malformed)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_end_early_are_refused() {
        let list = [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1][..], &[0, 0, 0, 1, b'a']].concat();
        let whole = [&list[..], &[0, 0, 0, 1, b'b']].concat();
        assert_eq!(text_list(&whole).expect("a list"), ["a", "b"]);
        for end in 0..whole.len() {
            assert!(text_list(&whole[..end]).is_err(), "{end}");
        }
        let null = [&list[..], &[255; 4]].concat();
        assert!(text_list(&null).is_err() && text_list(&[0; 12]).expect("an empty list").is_empty());
        assert!(int8(&[0; 7]).is_err() && int4(&[]).is_err() && text(&[0xff]).is_err() && boolean(&[1, 1]).is_err());
    }

    #[test]
    fn rows_are_read_to_the_end_of_the_message() {
        let row = [HEADER, &[0, 2, 0, 0, 0, 2, 7, 8, 255, 255, 255, 255]].concat();
        let mut fields = Fields::of_message(&row);
        assert!(fields.begin_row(2).expect("a row"));
        assert_eq!(fields.value().expect("a value"), Some(&[7, 8][..]));
        assert_eq!(fields.value().expect("a value"), None);
        assert!(!fields.begin_row(2).expect("no more") && fields.value().is_err());
        assert!(Fields::of_message(&row).begin_row(3).is_err());
        assert!(!Fields::of_message(&[255, 255]).begin_row(2).expect("the end"));
    }
}
