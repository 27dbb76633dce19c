//! Reads CSV as the import understands it: RFC 4180 quoting, LF or CRLF, line breaks in fields, a byte order mark ignored.
//!
//! The importer and whoever writes rejected rows back both read through here, so that a row has one number everywhere.

use std::fmt;
use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

/// How many bytes one field may have.
pub const MAX_FIELD: usize = 64 * 1024;
/// How many bytes all fields of one record may have together.
pub const MAX_RECORD: usize = 1024 * 1024;
/// How many fields one record may have.
pub const MAX_FIELDS: usize = 1024;

/// Records of one CSV file, one at a time, in memory that one record needs.
#[derive(Debug)]
pub struct Records<R> {
    source: R,
    parser: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    next_number: u64,
    position: u64,
}

/// One record of a CSV file.
#[derive(Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// 0 for the header, then counting from 1. Empty lines are no records; a line of spaces or commas alone is one.
    pub number: u64,
    /// The fields, quotes resolved. Empty where the record has a fault.
    pub fields: Vec<&'a str>,
    /// Why the record cannot be taken as it is.
    pub fault: Option<Fault>,
}

impl Record<'_> {
    /// Whether nothing but spaces stands in the record.
    pub fn is_blank(&self) -> bool {
        self.fault.is_none() && self.fields.iter().all(|field| field.trim().is_empty())
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Fields are personal data.
        out.debug_struct("Record")
            .field("number", &self.number)
            .field("fields", &self.fields.len())
            .field("fault", &self.fault)
            .finish()
    }
}

/// What is wrong with the form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A quoted field that the end of the file cuts off.
    QuoteNotClosed,
    /// A field, or the record, that is longer than any real one.
    TooLong,
    /// More fields than any sheet has columns.
    TooManyFields,
    /// Bytes that are not UTF-8.
    NotUtf8,
}

impl Fault {
    /// The fault in words for the person who made the file.
    pub fn words(self) -> &'static str {
        match self {
            Self::QuoteNotClosed => {
                "a quotation mark opens a field in this row and none closes it; rows after it may have been read as part of it"
            }
            Self::TooLong => {
                "longer than 64 KiB in one field; a quotation mark may be missing, and rows after it may have been read as part of it"
            }
            Self::TooManyFields => "more than 1,024 columns",
            Self::NotUtf8 => "not UTF-8; save the sheet as \"CSV UTF-8\"",
        }
    }
}

impl<R: BufRead> Records<R> {
    /// Reads from `source`.
    pub fn new(source: R) -> Self {
        Self { source, parser: Reader::new(), text: vec![0; 4096], ends: vec![0; 32], next_number: 0, position: 0 }
    }

    /// How many bytes of the source have been read into records.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next record, beginning with the header; nothing at the end. Blank records before the header are passed over.
    ///
    /// # Errors
    /// What the source cannot read.
    pub fn read(&mut self) -> io::Result<Option<Record<'_>>> {
        loop {
            let Some(shape) = self.read_shape()? else { return Ok(None) };
            if self.next_number == 0 && self.record(&shape).is_blank() {
                continue;
            }
            let number = self.next_number;
            self.next_number += 1;
            return Ok(Some(Record { number, ..self.record(&shape) }));
        }
    }

    fn record(&self, shape: &Shape) -> Record<'_> {
        let fault = |fault| Record { number: 0, fields: Vec::new(), fault: Some(fault) };
        if let Some(found) = shape.fault {
            return fault(found);
        }
        let Ok(text) = std::str::from_utf8(&self.text[..shape.text]) else { return fault(Fault::NotUtf8) };
        let mut fields = Vec::with_capacity(shape.fields);
        let mut start = 0;
        for &end in &self.ends[..shape.fields] {
            if end - start > MAX_FIELD {
                return fault(Fault::TooLong);
            }
            // Two halves of a character on either side of a comma make valid text that must not be cut there.
            let Some(field) = text.get(start..end) else { return fault(Fault::NotUtf8) };
            fields.push(field);
            start = end;
        }
        Record { number: 0, fields, fault: None }
    }

    /// Reads one record into `text` and `ends`.
    fn read_shape(&mut self) -> io::Result<Option<Shape>> {
        let mut shape = Shape::default();
        if self.position == 0 {
            self.skip_byte_order_mark()?;
        }
        // The file's end is read as a line break first: only within quotes does that not end the record.
        let mut ended_line = false;
        loop {
            let piece = self.source.fill_buf()?;
            let at_end = piece.is_empty();
            let input = if at_end && !ended_line { b"\n" } else { piece };
            let (result, read, written, ended) =
                self.parser.read_record(input, &mut self.text[shape.text..], &mut self.ends[shape.fields..]);
            if at_end {
                ended_line |= read == 1;
                if written == 1 {
                    shape.fault.get_or_insert(Fault::QuoteNotClosed);
                }
            } else {
                self.source.consume(read);
                self.position += read as u64;
            }
            shape.text += written;
            shape.fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MAX_RECORD => {
                    self.text.resize(self.text.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_FIELDS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                // The rest of such a record is read over what came before it.
                ReadRecordResult::OutputFull => {
                    shape.fault.get_or_insert(Fault::TooLong);
                    shape.text = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    shape.fault.get_or_insert(Fault::TooManyFields);
                    shape.fields = 0;
                }
                ReadRecordResult::Record => return Ok(Some(shape)),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// The parser knows the mark only in a first piece that holds it whole.
    fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        let mark = [0xef, 0xbb, 0xbf];
        if self.source.fill_buf()?.starts_with(&mark) {
            self.source.consume(mark.len());
            self.position += mark.len() as u64;
        }
        Ok(())
    }
}

/// What one record takes up in the reader's buffers.
#[derive(Default)]
struct Shape {
    text: usize,
    fields: usize,
    fault: Option<Fault>,
}

/// The number of the first line that is not UTF-8, counting from 1.
///
/// # Errors
/// What the source cannot read.
pub fn first_line_not_utf8(mut source: impl BufRead) -> io::Result<Option<u64>> {
    let mut line = 1;
    // The beginning of a character that the next piece of the file goes on with.
    let mut begun: Vec<u8> = Vec::new();
    loop {
        let piece = source.fill_buf()?;
        if piece.is_empty() {
            return Ok((!begun.is_empty()).then_some(line));
        }
        let length = piece.len();
        begun.extend_from_slice(piece);
        source.consume(length);
        let (valid, cut_short) = match std::str::from_utf8(&begun) {
            Ok(_) => (begun.len(), true),
            Err(error) => (error.valid_up_to(), error.error_len().is_none()),
        };
        line += begun[..valid].iter().filter(|&&byte| byte == b'\n').count() as u64;
        if !cut_short {
            return Ok(Some(line));
        }
        begun.drain(..valid);
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Reads `bytes` in pieces of every small size, and says each record in one line.
    fn check(bytes: &[u8], expected: &[&str]) {
        for piece in [3, 4, 5, 7, 64, 8192] {
            let mut records = Records::new(BufReader::with_capacity(piece, bytes));
            let mut found = Vec::new();
            while let Some(record) = records.read().expect("memory is readable") {
                found.push(match record.fault {
                    None => format!("{} {}", record.number, record.fields.join("|")),
                    Some(fault) => format!("{} {fault:?}", record.number),
                });
            }
            assert_eq!(found, expected, "in pieces of {piece}");
            assert_eq!(records.position(), bytes.len() as u64, "in pieces of {piece}");
        }
    }

    #[test]
    fn plain_rows_are_numbered_after_the_header() {
        check(b"a,b\n1,2\n3,4\n", &["0 a|b", "1 1|2", "2 3|4"]);
        check(b"a,b\n1,2\n3,4", &["0 a|b", "1 1|2", "2 3|4"]);
        check(b"a,b\r\n1,2\r\n", &["0 a|b", "1 1|2"]);
        check(b"a,b", &["0 a|b"]);
        check(b"", &[]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_header() {
        check(b"\xef\xbb\xbfref,name\r\nP-1,Zo\xc3\xab\r\n", &["0 ref|name", "1 P-1|Zoë"]);
        check(b"\xef\xbb\xbf\"ref\",name\n", &["0 ref|name"]);
        check(b"\xef\xbb\xbf", &[]);
    }

    #[test]
    fn quotes_hold_commas_quotes_and_line_breaks() {
        check(b"a,b\n\"x, y\",\"say \"\"no\"\"\"\n", &["0 a|b", "1 x, y|say \"no\""]);
        check(b"a,b\n\"one\r\ntwo\",3\n4,5\n", &["0 a|b", "1 one\r\ntwo|3", "2 4|5"]);
        check(b"a,b\n5\" nails,x\n", &["0 a|b", "1 5\" nails|x"]);
        check(b"a,b\n\"\",\n", &["0 a|b", "1 |"]);
    }

    #[test]
    fn empty_lines_are_no_records_but_blank_cells_are() {
        check(b"\n\n , \na,b\n\n\r\n1,2\n,\n  \n3,4\n\n", &["0 a|b", "1 1|2", "2 |", "3   ", "4 3|4"]);
    }

    #[test]
    fn ragged_rows_keep_their_shape() {
        check(b"a,b,c\n1\n1,2,3,4\n", &["0 a|b|c", "1 1", "2 1|2|3|4"]);
    }

    #[test]
    fn a_quote_that_nothing_closes_is_a_fault() {
        check(b"a,b\n1,2\n\"3,4\n5,6\n", &["0 a|b", "1 1|2", "2 QuoteNotClosed"]);
        check(b"a,b\n1,\"", &["0 a|b", "1 QuoteNotClosed"]);
        check(b"a,b\n1,\"2\"", &["0 a|b", "1 1|2"]);
        check(b"a,b\n1,\"2\"\"", &["0 a|b", "1 QuoteNotClosed"]);
    }

    #[test]
    fn oversized_records_are_faults_and_the_next_row_is_read() {
        let with = |middle: Vec<u8>| [b"a,b\n1,".to_vec(), middle, b"\n3,4\n".to_vec()].concat();
        check(&with(vec![b'x'; MAX_FIELD + 1]), &["0 a|b", "1 TooLong", "2 3|4"]);
        check(&with(vec![b'x'; 3 * MAX_RECORD]), &["0 a|b", "1 TooLong", "2 3|4"]);
        check(&with(vec![b','; MAX_FIELDS + 10]), &["0 a|b", "1 TooManyFields", "2 3|4"]);
        let longest = format!("1 1|{}", "x".repeat(MAX_FIELD));
        check(&with(vec![b'x'; MAX_FIELD]), &["0 a|b", &longest, "2 3|4"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_a_fault() {
        check(b"a,b\n\xff,2\n3,4\n", &["0 a|b", "1 NotUtf8", "2 3|4"]);
        check(b"a,b\n\xc3,\xa9\n", &["0 a|b", "1 NotUtf8"]);
    }

    #[test]
    fn the_first_line_that_is_not_utf8_is_found() {
        for (bytes, expected) in [
            (&b"a\nb\n"[..], None),
            ("Zoë\n£3 🚌\n".as_bytes(), None),
            (b"", None),
            (b"a\nZo\xeb\n", Some(2)),
            (b"a\nb\nZo\xc3", Some(3)),
            (b"\xff\xfea\0", Some(1)),
        ] {
            for piece in [1, 2, 3, 64] {
                let found = first_line_not_utf8(BufReader::with_capacity(piece, bytes)).expect("memory is readable");
                assert_eq!(found, expected, "{bytes:?} in pieces of {piece}");
            }
        }
    }
}
