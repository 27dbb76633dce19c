//! Invite codes as people hand them on: one line.
//!
//! `folkmoot1:ADDRESS:FEDERATION:TOKEN:CHECKSUM`, where ADDRESS is HOST:PORT, and the federation id (32 bytes), the token
//! (16 bytes) and the checksum (the first 5 bytes of BLAKE3 over all before its colon) stand in lower-case base32 without
//! padding. The checksum tells a mistyped code from a foreign one before anything is dialled.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use folkmoot_journal::{FederationId, Hash};
use zeroize::Zeroizing;

use crate::settings::PeerAddress;

const PREFIX: &str = "folkmoot1";
const CHECKSUM_BYTES: usize = 5;
/// A code is far shorter; anything longer was pasted by mistake.
const LONGEST: usize = 1024;

/// What is wrong with an invite code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteFault {
    /// It does not begin as a code does.
    NotACode,
    /// It is of a later version of the software.
    LaterVersion,
    /// Parts are missing at the end.
    CutOff,
    /// A character is wrong.
    Mistyped,
}

impl fmt::Display for InviteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InviteFault::NotACode => {
                "it does not begin with `folkmoot1:`; copy the whole line that `academy invite` printed"
            }
            InviteFault::LaterVersion => "it was made by a later version of this software; update this one first",
            InviteFault::CutOff => "its end is missing; copy the whole line that `academy invite` printed",
            InviteFault::Mistyped => "a character is wrong; copy the line that `academy invite` printed again",
        })
    }
}

/// The 128 random bits that a code lets a hub in with, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<[u8; 16]>);

impl Token {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Token {
        Token(Zeroizing::new(bytes))
    }

    /// The bytes, for the one message that carries them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    /// The hash under which the Academy keeps the token.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0[..])
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// An invite code, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteCode {
    /// Where the Academy can be dialled.
    pub address: PeerAddress,
    /// The federation's id, which the Academy has to prove.
    pub federation: FederationId,
    /// The one-time token.
    pub token: Token,
}

/// How long the parts are in base32.
const FEDERATION_TEXT: usize = 52;
const TOKEN_TEXT: usize = 26;
const CHECKSUM_TEXT: usize = 8;

fn encode(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], InviteFault> {
    let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| InviteFault::Mistyped)?;
    bytes.try_into().map_err(|_| InviteFault::Mistyped)
}

fn checksum(body: &str) -> [u8; CHECKSUM_BYTES] {
    let hash = Hash::of(body.as_bytes());
    std::array::from_fn(|index| hash.0[index])
}

impl InviteCode {
    /// Reads a code.
    ///
    /// # Errors
    /// What is wrong with it, for the operator.
    pub fn parse(text: &str) -> Result<InviteCode, InviteFault> {
        let text = text.trim();
        let rest = match text.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(':')) {
            Some(rest) if text.len() <= LONGEST => rest,
            Some(_) => return Err(InviteFault::Mistyped),
            None if !text.is_empty() && PREFIX.starts_with(text) => return Err(InviteFault::CutOff),
            None if text
                .strip_prefix("folkmoot")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                return Err(InviteFault::LaterVersion);
            }
            None => return Err(InviteFault::NotACode),
        };
        let parts: Vec<&str> = rest.split(':').collect();
        // The address may hold colons of its own; no label of a host name is as long as the federation id and followed
        // by two parts of the right length.
        let [address @ .., federation, token, sum] = &parts[..] else { return Err(InviteFault::CutOff) };
        if [federation.len(), token.len(), sum.len()] != [FEDERATION_TEXT, TOKEN_TEXT, CHECKSUM_TEXT] {
            return Err(match parts.iter().rposition(|part| part.len() == FEDERATION_TEXT) {
                Some(at) if parts.len() - at == 3 && sum.len() >= CHECKSUM_TEXT => InviteFault::Mistyped,
                Some(at) if parts.len() - at > 3 => InviteFault::Mistyped,
                None if text.len() > FEDERATION_TEXT + TOKEN_TEXT + CHECKSUM_TEXT + PREFIX.len() => {
                    InviteFault::Mistyped
                }
                Some(_) | None => InviteFault::CutOff,
            });
        }
        let code = InviteCode {
            address: PeerAddress::parse(&address.join(":")).map_err(|_| InviteFault::Mistyped)?,
            federation: FederationId(decode(federation)?),
            token: Token::new(decode(token)?),
        };
        match checksum(&code.body()) == decode(sum)? {
            true => Ok(code),
            false => Err(InviteFault::Mistyped),
        }
    }

    fn body(&self) -> String {
        format!("{PREFIX}:{}:{}:{}", self.address, encode(&self.federation.0), encode(self.token.expose()))
    }

    /// The code as one line. It lets a hub in: show it once, to whom it is for.
    #[must_use]
    pub fn expose(&self) -> String {
        let body = self.body();
        let sum = encode(&checksum(&body));
        format!("{body}:{sum}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(address: &str) -> InviteCode {
        InviteCode {
            address: PeerAddress::parse(address).expect("an address"),
            federation: FederationId(std::array::from_fn(|index| index as u8)),
            token: Token::new([7; 16]),
        }
    }

    #[test]
    fn a_code_is_read_back_whatever_the_address_and_the_case() {
        for address in ["127.0.0.1:7400", "[::1]:7400", "academy.example.org:7400"] {
            let code = code(address);
            assert_eq!(InviteCode::parse(&format!("  {}\n", code.expose())), Ok(code.clone()));
        }
        let shouted = code("127.0.0.1:7400").expose().to_uppercase().replace("FOLKMOOT1", "folkmoot1");
        assert_eq!(InviteCode::parse(&shouted), Ok(code("127.0.0.1:7400")));
    }

    #[test]
    fn every_wrong_character_is_noticed() {
        let text = code("127.0.0.1:7400").expose();
        for (at, old) in text.char_indices() {
            let new = if old == 'a' { 'b' } else { 'a' };
            let mut wrong = text.clone();
            wrong.replace_range(at..=at, &new.to_string());
            assert!(InviteCode::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_code_cut_off_is_said_to_be() {
        let text = code("127.0.0.1:7400").expose();
        for length in 1..text.len() {
            assert_eq!(InviteCode::parse(&text[..length]), Err(InviteFault::CutOff), "{length}: {}", &text[..length]);
        }
    }

    #[test]
    fn what_is_no_code_is_told_apart() {
        for (text, fault) in [
            ("", InviteFault::NotACode),
            ("hello", InviteFault::NotACode),
            ("folkmoot2:x:y", InviteFault::LaterVersion),
            ("folkmoot1:", InviteFault::CutOff),
        ] {
            assert_eq!(InviteCode::parse(text), Err(fault), "{text}");
        }
        let long = format!("folkmoot1:{}", "a".repeat(5000));
        assert_eq!(InviteCode::parse(&long), Err(InviteFault::Mistyped));
    }

    #[test]
    fn debug_hides_the_token() {
        let text = format!("{:?}", code("127.0.0.1:7400"));
        assert!(text.contains("[token]"), "{text}");
    }
}
