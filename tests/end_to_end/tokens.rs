//! Values that are planted where people are, and the search for them where people must not be.

use std::collections::HashSet;

use folkmoot_tests::chance::Chance;

/// Ten characters whose Huffman codes in HTTP/2 headers have five bits each, with values 0 to 9 in this order
/// (RFC 7541, appendix B): so a header that is compressed can be searched as well.
const ALPHABET: &[u8; 10] = b"012aceiost";
const LENGTH: usize = 12;

/// The values planted so far.
#[derive(Debug)]
pub(crate) struct Tokens {
    chance: Chance,
    planted: HashSet<[u8; LENGTH]>,
    compressed: HashSet<u64>,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed), planted: HashSet::new(), compressed: HashSet::new() }
    }

    /// A new value to plant.
    pub(crate) fn plant(&mut self) -> String {
        let token: [u8; LENGTH] = std::array::from_fn(|_| self.chance.pick(ALPHABET));
        self.planted.insert(token);
        self.compressed.insert(compress(&token));
        String::from_utf8(token.to_vec()).expect("ASCII")
    }

    /// How many were planted.
    pub(crate) fn count(&self) -> usize {
        self.planted.len()
    }

    /// The planted values in `bytes`, in whatever case.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let lower = bytes.to_ascii_lowercase();
        let windows = lower.windows(LENGTH).filter_map(|window| window.first_chunk::<LENGTH>());
        windows.filter(|window| self.planted.contains(*window)).map(|window| words(window)).collect()
    }

    /// The planted values in Huffman-coded headers, at whatever bit they begin.
    pub(crate) fn found_compressed_in(&self, bytes: &[u8]) -> usize {
        let mask = (1 << (5 * LENGTH)) - 1;
        let mut bits = 0_u64;
        let mut found = 0;
        for byte in bytes {
            for at in (0..8).rev() {
                bits = (bits << 1 | u64::from(byte >> at & 1)) & mask;
                found += usize::from(self.compressed.contains(&bits));
            }
        }
        found
    }
}

fn words(token: &[u8]) -> String {
    String::from_utf8_lossy(token).into_owned()
}

fn compress(token: &[u8; LENGTH]) -> u64 {
    token.iter().fold(0, |bits, byte| {
        let code = ALPHABET.iter().position(|letter| letter == byte).expect("a letter of the alphabet");
        bits << 5 | code as u64
    })
}

#[test]
fn a_planted_value_is_found_wherever_it_is() {
    let mut tokens = Tokens::new(1);
    let token = tokens.plant();
    let upper = token.to_uppercase();
    assert_eq!(tokens.found_in(format!("x{upper}y").as_bytes()).concat(), token);
    assert!(tokens.found_in(b"nothing here, 012aceiost").is_empty());
    // Three bits of something else, then the token, then padding.
    let first: [u8; LENGTH] = token.as_bytes().try_into().expect("a token");
    let bits = u128::from(compress(&first)) << (128 - 3 - 60) | 0b101 << 125;
    assert_eq!(tokens.found_compressed_in(&bits.to_be_bytes()), 1);
    assert_eq!(tokens.found_compressed_in(token.as_bytes()), 0);
}
