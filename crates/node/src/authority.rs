//! Lets clients in that name the socket's path where HTTP/2 wants a host.
//!
//! Over a Unix socket there is no host. Clients built on gRPC's C core (Python, Ruby, PHP, C++) send the percent-encoded
//! path as `:authority`, some others the bare path, and the HTTP/2 library refuses both before any service sees the call.
//! Nothing here depends on the name, so bytes that no host may have become `-`, which changes no length. What a client
//! compresses is left alone, and so is whatever this reading does not understand: the library judges it.

const PREFACE: usize = 24;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// The field, and its number in HPACK's static table (RFC 7541, appendix A).
const AUTHORITY: &[u8] = b":authority";
const AUTHORITY_INDEX: usize = 1;

/// Follows the bytes of one connection's client.
#[derive(Debug)]
pub(crate) struct HostNames {
    frame: Frame,
    field: Field,
}

/// Where in HTTP/2's framing the next byte stands (RFC 9113, section 4).
#[derive(Debug)]
enum Frame {
    /// So many bytes that are of no interest.
    Skip(usize),
    Header {
        bytes: [u8; 9],
        have: usize,
    },
    /// Before a header block: the padding's length and the priority, of which `left` bytes are to come; `payload` is what
    /// is to come of the whole frame.
    Prefix {
        left: usize,
        padded: bool,
        padding: usize,
        payload: usize,
    },
    Block {
        left: usize,
        padding: usize,
    },
}

/// Where in a header block the next byte stands (RFC 7541, section 6).
#[derive(Debug, Clone, Copy)]
enum Field {
    Start,
    /// A number that did not fit its first byte; `literal` where it is the index of a literal's name.
    Index {
        index: usize,
        shift: u32,
        literal: bool,
    },
    LengthStart(Text),
    Length {
        of: Text,
        compressed: bool,
        length: usize,
        shift: u32,
    },
    Bytes {
        of: Text,
        left: usize,
        mend: bool,
    },
    /// A name that is spelt out: how much of [`AUTHORITY`] it has been so far, `None` once it differs.
    Name {
        left: usize,
        same: Option<usize>,
    },
    /// Nothing that can be followed.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Name,
    Value,
    Authority,
}

impl HostNames {
    pub(crate) fn new() -> Self {
        Self { frame: Frame::Skip(PREFACE), field: Field::Start }
    }

    /// Mends what a client has sent, piece by piece, in place.
    pub(crate) fn mend(&mut self, mut bytes: &mut [u8]) {
        while let Some((first, _)) = bytes.split_first_mut() {
            let passed = match &mut self.frame {
                Frame::Skip(left) => {
                    let passed = bytes.len().min(*left);
                    *left -= passed;
                    if *left == 0 {
                        self.frame = Frame::Header { bytes: [0; 9], have: 0 };
                    }
                    passed
                }
                Frame::Header { bytes: header, have } => {
                    header[*have] = *first;
                    *have += 1;
                    if *have == header.len() {
                        let header = *header;
                        self.begin_frame(header);
                    }
                    1
                }
                Frame::Prefix { left, padded, padding, payload } => {
                    if std::mem::take(padded) {
                        *padding = usize::from(*first);
                    }
                    *left -= 1;
                    *payload -= 1;
                    if *left == 0 {
                        let block = payload.saturating_sub(*padding);
                        self.frame = Frame::block(block, *payload - block);
                    }
                    1
                }
                Frame::Block { left, padding } => {
                    *left -= 1;
                    let (left, padding) = (*left, *padding);
                    self.field = self.field.after(first);
                    if left == 0 {
                        self.frame = Frame::Skip(padding);
                    }
                    1
                }
            };
            bytes = &mut bytes[passed..];
        }
    }

    fn begin_frame(&mut self, [a, b, c, kind, flags, ..]: [u8; 9]) {
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.frame = match kind {
            HEADERS => {
                self.field = Field::Start;
                let padded = flags & PADDED != 0;
                let prefix = usize::from(padded) + if flags & PRIORITY != 0 { 5 } else { 0 };
                match prefix {
                    0 => Frame::block(length, 0),
                    _ if prefix > length => Frame::Skip(length),
                    _ => Frame::Prefix { left: prefix, padded, padding: 0, payload: length },
                }
            }
            CONTINUATION => Frame::block(length, 0),
            _ => Frame::Skip(length),
        };
    }
}

impl Frame {
    fn block(left: usize, padding: usize) -> Self {
        match left {
            0 => Self::Skip(padding),
            _ => Self::Block { left, padding },
        }
    }
}

impl Field {
    /// Takes one byte, mends it where it stands in a name of a host, and says where the next one stands.
    fn after(self, byte: &mut u8) -> Self {
        match self {
            Self::Start => {
                let (mask, literal) = match *byte {
                    0x80.. => (0x7f, false),
                    0x40.. => (0x3f, true),
                    0x20.. => (0x1f, false),
                    _ => (0x0f, true),
                };
                let index = usize::from(*byte & mask);
                if index == usize::from(mask) {
                    Self::Index { index, shift: 0, literal }
                } else {
                    Self::named(index, literal)
                }
            }
            Self::Index { index, shift, literal } => match more(index, shift, *byte) {
                Number::Done(index) => Self::named(index, literal),
                Number::More(index) => Self::Index { index, shift: shift + 7, literal },
                Number::TooLong => Self::Lost,
            },
            Self::LengthStart(of) => {
                let compressed = *byte & 0x80 != 0;
                match usize::from(*byte & 0x7f) {
                    length @ 0x7f => Self::Length { of, compressed, length, shift: 0 },
                    length => Self::text(of, compressed, length),
                }
            }
            Self::Length { of, compressed, length, shift } => match more(length, shift, *byte) {
                Number::Done(length) => Self::text(of, compressed, length),
                Number::More(length) => Self::Length { of, compressed, length, shift: shift + 7 },
                Number::TooLong => Self::Lost,
            },
            Self::Bytes { of, left, mend } => {
                if mend && !may_stand_in_host(*byte) {
                    *byte = b'-';
                }
                if left == 1 { Self::end(of) } else { Self::Bytes { of, left: left - 1, mend } }
            }
            Self::Name { left, same } => {
                let same = same.filter(|at| AUTHORITY.get(*at) == Some(byte)).map(|at| at + 1);
                match (left, same) {
                    (1, Some(at)) if at == AUTHORITY.len() => Self::LengthStart(Text::Authority),
                    (1, _) => Self::end(Text::Name),
                    (left, same) => Self::Name { left: left - 1, same },
                }
            }
            Self::Lost => Self::Lost,
        }
    }

    fn named(index: usize, literal: bool) -> Self {
        match (literal, index) {
            (false, _) => Self::Start,
            (true, 0) => Self::LengthStart(Text::Name),
            (true, AUTHORITY_INDEX) => Self::LengthStart(Text::Authority),
            (true, _) => Self::LengthStart(Text::Value),
        }
    }

    fn text(of: Text, compressed: bool, left: usize) -> Self {
        match (left, of) {
            (0, of) => Self::end(of),
            (_, Text::Name) if !compressed => Self::Name { left, same: Some(0) },
            (_, of) => Self::Bytes { of, left, mend: of == Text::Authority && !compressed },
        }
    }

    fn end(of: Text) -> Self {
        match of {
            Text::Name => Self::LengthStart(Text::Value),
            Text::Value | Text::Authority => Self::Start,
        }
    }
}

enum Number {
    Done(usize),
    More(usize),
    TooLong,
}

/// One more byte of a number (RFC 7541, section 5.1).
fn more(so_far: usize, shift: u32, byte: u8) -> Number {
    // A header that needs more is larger than any that is accepted.
    if shift > 21 {
        return Number::TooLong;
    }
    let number = so_far + (usize::from(byte & 0x7f) << shift);
    if byte & 0x80 == 0 { Number::Done(number) } else { Number::More(number) }
}

fn may_stand_in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        frame.extend(payload);
        frame
    }

    fn literal(index: u8, value: &[u8]) -> Vec<u8> {
        let mut field = vec![0x40 | index, u8::try_from(value.len()).expect("short")];
        field.extend(value);
        field
    }

    fn connection(frames: &[Vec<u8>]) -> Vec<u8> {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, &[]), frames.concat()].concat()
    }

    /// However the bytes arrive, they come out the same.
    #[track_caller]
    fn check(sent: &[Vec<u8>], mended: &[Vec<u8>]) {
        let (sent, mended) = (connection(sent), connection(mended));
        for piece in [1, 2, 3, 7, 10, 64, sent.len()] {
            let mut bytes = sent.clone();
            let mut names = HostNames::new();
            for piece in bytes.chunks_mut(piece) {
                names.mend(piece);
            }
            assert_eq!(bytes, mended, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_path_becomes_a_name() {
        let block = |authority: &[u8]| {
            let custom = [&[0x00, 3][..], b"x%y", &[4], b"a/%b"].concat();
            [vec![0x83, 0x86], literal(4, b"/a.B/C%2F"), literal(AUTHORITY_INDEX as u8, authority), custom, vec![0xbe]]
                .concat()
        };
        let data = frame(0, 0, &block(b"tmp%2Fnode.sock"));
        for (sent, mended) in [
            (&b"tmp%2Fpt%2FA%2Fnode.sock"[..], &b"tmp-2Fpt-2FA-2Fnode.sock"[..]),
            (b"/tmp/node.sock", b"-tmp-node.sock"),
            (b"localhost", b"localhost"),
            (b"[::1]:7400", b"[::1]:7400"),
            (b"", b""),
        ] {
            let frames = |authority: &[u8]| {
                vec![frame(HEADERS, 4, &block(authority)), data.clone(), frame(HEADERS, 4, &block(authority))]
            };
            check(&frames(sent), &frames(mended));
        }
    }

    #[test]
    fn a_name_that_is_spelt_out_is_read() {
        // As gRPC's C core sends it.
        let frames = |authority: &[u8]| {
            let near = b"@\x0b:authority2\x03a%b@\x09:authorit\x03a%b";
            let spelt = [&b"@\x05:path\x06/a.B/%@\x0a:authority\x0e"[..], authority, b"\x83\x86", near].concat();
            vec![frame(HEADERS, 4, &spelt)]
        };
        check(&frames(b"tmp%2Fcap.sock"), &frames(b"tmp-2Fcap.sock"));
    }

    #[test]
    fn padding_priority_and_continuations_are_followed() {
        let frames = |authority: &[u8]| {
            let field = literal(AUTHORITY_INDEX as u8, authority);
            let (first, rest) = field.split_at(4);
            let padded = [&[3, 0, 0, 0, 0, 16][..], first, &[0x41, 0x42, 0x43]].concat();
            vec![frame(HEADERS, PADDED | PRIORITY, &padded), frame(CONTINUATION, 4, rest), frame(6, 0, b"%2F%2F%2F/")]
        };
        check(&frames(b"a%2Fb%2Fc"), &frames(b"a-2Fb-2Fc"));
    }

    #[test]
    fn long_lengths_are_followed() {
        let long = b"%".repeat(300);
        let frames = |authority: &[u8]| {
            let length = [0x7f, 0x80 | ((300 - 127) & 0x7f) as u8, ((300 - 127) >> 7) as u8];
            vec![frame(HEADERS, 4, &[&[0x41][..], &length, authority, &[0x82]].concat())]
        };
        check(&frames(&long), &frames(&b"-".repeat(300)));
    }

    /// A small generator of numbers: the same seed, the same numbers.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % bound
        }

        fn bytes(&mut self, most: usize) -> Vec<u8> {
            let length = self.below(most + 1);
            (0..length).map(|_| self.below(256) as u8).collect()
        }
    }

    /// Which bytes of a client stand in blocks of headers, by a reading of the frames alone.
    fn in_blocks(bytes: &[u8]) -> Vec<bool> {
        let mut within = vec![false; bytes.len()];
        let mut at = PREFACE;
        while let Some(&[a, b, c, kind, ..]) = bytes.get(at..at + 9) {
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            let end = (at + 9 + length).min(bytes.len());
            within[at + 9..end].fill(kind == HEADERS || kind == CONTINUATION);
            at += 9 + length;
        }
        within
    }

    fn mended(bytes: &[u8], mut piece: impl FnMut() -> usize) -> Vec<u8> {
        let mut mended = bytes.to_vec();
        let (mut names, mut rest) = (HostNames::new(), &mut mended[..]);
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut(piece().clamp(1, rest.len()));
            names.mend(now);
            rest = later;
        }
        mended
    }

    #[test]
    fn whatever_is_sent_and_however_it_is_cut_only_header_blocks_change_and_always_alike() {
        for seed in 0..2_000 {
            let mut dice = Dice(seed);
            let mut frames = Vec::new();
            for _ in 0..dice.below(12) {
                // Of every kind, most often of those that matter; the payload a field, or noise that may look like one.
                let kind = [0, HEADERS, HEADERS, CONTINUATION, 4, 6, 8, 0x42][dice.below(8)];
                let flags = [0, 4, PADDED, PRIORITY, PADDED | PRIORITY][dice.below(5)];
                let payload = match dice.below(3) {
                    0 => literal(AUTHORITY_INDEX as u8, &dice.bytes(60)),
                    1 => [vec![0x83], literal(4, &dice.bytes(60)), literal(AUTHORITY_INDEX as u8, b"a/b%2F")].concat(),
                    _ => dice.bytes(200),
                };
                frames.push(frame(kind, flags, &payload));
            }
            let mut sent = connection(&frames);
            if dice.below(4) == 0 {
                sent.extend(dice.bytes(400));
            }
            let whole = mended(&sent, || usize::MAX);
            let cut = mended(&sent, || dice.below(40));
            assert_eq!(cut, whole, "seed {seed}");
            let within = in_blocks(&sent);
            for (at, (before, after)) in sent.iter().zip(&whole).enumerate() {
                assert!(before == after || (within[at] && *after == b'-'), "seed {seed}, byte {at}");
            }
        }
    }

    #[test]
    fn what_is_compressed_or_not_understood_is_left_alone() {
        let compressed = [0x41, 0x80 | 3, b'%', b'/', b'%'].to_vec();
        let lost = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x41, 3, b'%', b'%', b'%'].to_vec();
        for block in [compressed, lost] {
            let frames = [frame(HEADERS, 4, &block)];
            check(&frames, &frames);
        }
        // Not HTTP/2 at all: whatever it is, it comes through.
        let mut noise: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        HostNames::new().mend(&mut noise);
        assert_eq!(noise.len(), 5_000);
    }
}
