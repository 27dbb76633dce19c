//! What a member changes through this hub, and the limits of it.

use std::fmt;

use crate::document::CampaignError;

/// The most characters of a title.
pub const MAX_TITLE_CHARACTERS: usize = 200;
/// The most characters of an aim.
pub const MAX_AIM_CHARACTERS: usize = 2_000;
/// The most characters of an organisation's name.
pub const MAX_ORGANISATION_CHARACTERS: usize = 200;
/// The most characters that one edit may add to the notes.
pub const MAX_NOTES_CHARACTERS: usize = 20_000;

/// A change that a member makes.
#[derive(Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replaces the title.
    Title(String),
    /// Replaces the aim.
    Aim(String),
    /// Adds an organisation; does nothing where it has signed up already.
    SignUp(String),
    /// Adds to the end of the shared notes.
    AppendNotes(String),
}

/// What members write is not shown.
impl fmt::Debug for Edit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Edit::Title(_) => "Title(..)",
            Edit::Aim(_) => "Aim(..)",
            Edit::SignUp(_) => "SignUp(..)",
            Edit::AppendNotes(_) => "AppendNotes(..)",
        })
    }
}

impl Edit {
    /// Checks the text against the limits.
    ///
    /// # Errors
    /// [`CampaignError::TooLong`], [`CampaignError::Empty`] or [`CampaignError::ControlCharacter`], which name the text and
    /// what to do.
    pub fn check(&self) -> Result<(), CampaignError> {
        let (field, text, limit, may_be_empty) = match self {
            Edit::Title(text) => ("title", text, MAX_TITLE_CHARACTERS, false),
            Edit::Aim(text) => ("aim", text, MAX_AIM_CHARACTERS, true),
            Edit::SignUp(text) => ("organisation", text, MAX_ORGANISATION_CHARACTERS, false),
            Edit::AppendNotes(text) => ("notes", text, MAX_NOTES_CHARACTERS, false),
        };
        let given = text.chars().count();
        if given > limit {
            return Err(CampaignError::TooLong { field, given, limit });
        }
        let says_nothing = match self {
            Edit::Title(_) | Edit::Aim(_) | Edit::SignUp(_) => text.trim().is_empty(),
            Edit::AppendNotes(_) => text.is_empty(),
        };
        if says_nothing && !may_be_empty {
            return Err(CampaignError::Empty { field });
        }
        let in_notes = |character| field == "notes" && matches!(character, '\n' | '\t');
        match text.chars().position(|character| character.is_control() && !in_notes(character)) {
            Some(at) => Err(CampaignError::ControlCharacter { field, at: at + 1 }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_keeps_to_its_limits() {
        let long = |length| "é".repeat(length);
        let too_long = |field, limit| Err(CampaignError::TooLong { field, given: limit + 1, limit });
        let cases = [
            (Edit::Title(long(200)), Ok(())),
            (Edit::Title(long(201)), too_long("title", 200)),
            (Edit::Title(" ".into()), Err(CampaignError::Empty { field: "title" })),
            (Edit::Title("a\nb".into()), Err(CampaignError::ControlCharacter { field: "title", at: 2 })),
            (Edit::Aim(String::new()), Ok(())),
            (Edit::Aim(long(2_000)), Ok(())),
            (Edit::Aim(long(2_001)), too_long("aim", 2_000)),
            (Edit::Aim("\u{1b}[31m".into()), Err(CampaignError::ControlCharacter { field: "aim", at: 1 })),
            (Edit::SignUp(String::new()), Err(CampaignError::Empty { field: "organisation" })),
            (Edit::SignUp(long(201)), too_long("organisation", 200)),
            (Edit::AppendNotes("one\n\ttwo 🚌".into()), Ok(())),
            (Edit::AppendNotes("\n".into()), Ok(())),
            (Edit::AppendNotes(String::new()), Err(CampaignError::Empty { field: "notes" })),
            (Edit::AppendNotes(long(20_000)), Ok(())),
            (Edit::AppendNotes(long(20_001)), too_long("notes", 20_000)),
            (Edit::AppendNotes("a\r\n".into()), Err(CampaignError::ControlCharacter { field: "notes", at: 2 })),
        ];
        for (edit, expected) in cases {
            assert_eq!(edit.check(), expected, "{edit:?}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let messages = [
            Edit::Title(String::new()).check(),
            Edit::Aim("x".repeat(2_001)).check(),
            Edit::AppendNotes("\r".into()).check(),
        ]
        .map(|result| result.expect_err("outside its limits").to_string());
        assert_eq!(
            messages,
            [
                "the title is empty; give some text",
                "the aim has 2001 characters; 2000 are the most: shorten it",
                "the notes have a control character at character 1; take it out (new lines and tabs may stay)",
            ]
        );
    }
}
