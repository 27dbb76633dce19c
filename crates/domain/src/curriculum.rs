//! The curriculum: items that are taught, and their editions, which never change once they are published.

use std::fmt;
use std::str::FromStr;

use crate::DomainError;

/// The most characters of a title.
pub const TITLE_LIMIT: usize = 200;
/// The most minutes that an item takes to teach.
pub const MINUTES_LIMIT: u32 = 100_000;
/// The most bytes of a text.
pub const TEXT_LIMIT: usize = 65_536;
/// The most characters of an item's code.
const CODE_LIMIT: usize = 64;

/// What an item of the curriculum is called in commands and entries, the same for all of its editions: 1 to 64
/// lower-case ASCII letters, digits and single hyphens, which stand neither first nor last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemCode(String);

impl ItemCode {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code that a title suggests: its ASCII letters and digits in lower case, a hyphen for whatever lies between.
    /// None where the title has neither letter nor digit of that kind.
    pub fn of_title(title: &str) -> Option<ItemCode> {
        let mut code = String::new();
        for character in title.chars() {
            if code.len() == CODE_LIMIT {
                break;
            }
            if character.is_ascii_alphanumeric() {
                code.push(character.to_ascii_lowercase());
            } else if !code.is_empty() && !code.ends_with('-') && character != '\'' && character != '’' {
                code.push('-');
            }
        }
        code.truncate(code.trim_end_matches('-').len());
        code.parse().ok()
    }
}

impl FromStr for ItemCode {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<ItemCode, DomainError> {
        let sized = (1..=CODE_LIMIT).contains(&text.len());
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let hyphened = text.starts_with('-') || text.ends_with('-') || text.contains("--");
        if sized && plain && !hyphened { Ok(ItemCode(text.to_owned())) } else { Err(DomainError::ItemCode) }
    }
}

impl fmt::Display for ItemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A unit of a qualification.
    Unit,
    /// A single session.
    Session,
    /// A course of several sessions.
    Course,
}

impl ItemKind {
    /// Every kind.
    pub const ALL: [ItemKind; 3] = [ItemKind::Unit, ItemKind::Session, ItemKind::Course];

    /// The kind as commands write it.
    pub fn code(self) -> &'static str {
        match self {
            ItemKind::Unit => "unit",
            ItemKind::Session => "session",
            ItemKind::Course => "course",
        }
    }
}

impl FromStr for ItemKind {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<ItemKind, DomainError> {
        ItemKind::ALL.into_iter().find(|kind| kind.code() == text).ok_or(DomainError::ItemKind)
    }
}

/// One edition of an item. Made by [`Edition::new`] alone, so that every one keeps to the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// The item.
    pub item: ItemCode,
    /// Counts the item's editions from 1.
    pub number: u32,
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What the item is.
    pub kind: ItemKind,
    /// How long it takes to teach, 1 to 100,000 minutes.
    pub minutes: u32,
    /// The text, Markdown, 1 to 65,536 bytes.
    pub text: String,
}

impl Edition {
    /// An edition of these parts.
    ///
    /// # Errors
    /// Everything that is wrong, each under the name of its field: `edition`, `title`, `minutes`, `text`.
    pub fn new(
        item: ItemCode,
        number: u32,
        title: &str,
        kind: ItemKind,
        minutes: u32,
        text: &str,
    ) -> Result<Edition, Vec<(&'static str, DomainError)>> {
        let title = title.trim();
        let title_fits = (1..=TITLE_LIMIT).contains(&title.chars().count()) && !title.chars().any(char::is_control);
        let wrong: Vec<_> = [
            (number >= 1, "edition", DomainError::EditionNumber),
            (title_fits, "title", DomainError::EditionTitle),
            ((1..=MINUTES_LIMIT).contains(&minutes), "minutes", DomainError::EditionMinutes),
            ((1..=TEXT_LIMIT).contains(&text.len()), "text", DomainError::EditionText),
        ]
        .into_iter()
        .filter(|(fits, _, _)| !fits)
        .map(|(_, field, error)| (field, error))
        .collect();
        if wrong.is_empty() {
            Ok(Edition { item, number, title: title.to_owned(), kind, minutes, text: text.to_owned() })
        } else {
            Err(wrong)
        }
    }
}

/// Retires the editions of an item up to and including one. A later edition may follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The item.
    pub item: ItemCode,
    /// The last edition that is retired; at least 1.
    pub edition: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_plain_words_with_single_hyphens() {
        let long = "a".repeat(64);
        for right in ["a", "root-solution", "level-2-unit-1", long.as_str()] {
            assert_eq!(right.parse::<ItemCode>().unwrap().to_string(), right);
        }
        let too_long = "a".repeat(65);
        for wrong in ["", "-a", "a-", "a--b", "A", "a b", "é", too_long.as_str()] {
            assert_eq!(wrong.parse::<ItemCode>(), Err(DomainError::ItemCode), "{wrong}");
        }
    }

    #[test]
    fn a_title_suggests_a_code() {
        for (title, code) in [
            ("Root Solution Listening", Some("root-solution-listening")),
            ("  What's  power? (Part 2) ", Some("whats-power-part-2")),
            ("Être entendu", Some("tre-entendu")),
            ("!!", None),
            ("", None),
        ] {
            assert_eq!(ItemCode::of_title(title).as_ref().map(ItemCode::as_str), code, "{title}");
        }
        let long = ItemCode::of_title(&"ab ".repeat(60)).unwrap();
        assert!(long.as_str().len() <= 64 && !long.as_str().ends_with('-'));
    }

    #[test]
    fn an_edition_lists_all_that_is_wrong_with_it() {
        let item: ItemCode = "power".parse().unwrap();
        let new = |number, title: &str, minutes, text: &str| {
            Edition::new(item.clone(), number, title, ItemKind::Unit, minutes, text)
                .map_err(|wrong| wrong.into_iter().map(|(field, _)| field).collect::<Vec<_>>())
        };
        assert_eq!(new(1, " Power ", 90, "# Power").unwrap().title, "Power");
        let (title, text) = ("x".repeat(200), "x".repeat(TEXT_LIMIT));
        assert!(new(u32::MAX, &title, MINUTES_LIMIT, &text).is_ok());
        assert_eq!(new(0, "", 0, ""), Err(vec!["edition", "title", "minutes", "text"]));
        assert_eq!(new(1, &format!("{title}x"), MINUTES_LIMIT + 1, &format!("{text}x")).unwrap_err().len(), 3);
        assert_eq!(new(1, "a\nb", 1, "x"), Err(vec!["title"]));
        for kind in ItemKind::ALL {
            assert_eq!(kind.code().parse(), Ok(kind));
        }
        assert_eq!("lesson".parse::<ItemKind>(), Err(DomainError::ItemKind));
    }
}
