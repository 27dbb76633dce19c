//! What is wrong with a word of the domain, in a sentence that says what to write instead.

/// A value that breaks a law of the domain. No variant quotes what was given: it may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Not a period's code.
    #[error("no such period; write a quarter as 2018-Q3, a financial year as 2018/19 or a programme as programme/COEP")]
    Period,
    /// Not a programme's code.
    #[error("a programme's code has 1 to 32 letters, digits and hyphens")]
    ProgrammeCode,
    /// A programme without a title, or with one too long.
    #[error("a programme's title has 1 to 200 characters")]
    ProgrammeTitle,
    /// A programme that does not begin on the first day of a quarter.
    #[error("a programme begins on the first day of a quarter: 1 January, 1 April, 1 July or 1 October")]
    ProgrammeStart,
    /// A programme that does not end on the last day of a quarter.
    #[error("a programme ends on the last day of a quarter: 31 March, 30 June, 30 September or 31 December")]
    ProgrammeEnd,
    /// A programme that ends before it begins.
    #[error("a programme ends after it begins")]
    ProgrammeOrder,
    /// A second, different programme under a code.
    #[error("a programme of this code exists with another title or other days; a programme never changes")]
    ProgrammeChanged,
    /// Not a hub's name.
    #[error("a hub's name has 1 to 100 characters, none of them a control character")]
    HubName,
    /// Not a kind of hub.
    #[error("no such kind of hub; one of social-action-hub, national")]
    HubKind,
    /// Not a stage of a hub.
    #[error("no such stage; one of enquiring, developing, active, closed")]
    Stage,
    /// Not an item's code.
    #[error(
        "an item's code has 1 to 64 lower-case letters, digits and single hyphens, which stand neither first nor last"
    )]
    ItemCode,
    /// Not a kind of item.
    #[error("no such kind of item; one of unit, session, course")]
    ItemKind,
    /// An edition without a number.
    #[error("editions are counted from 1")]
    EditionNumber,
    /// Not a title.
    #[error("a title has 1 to 200 characters, none of them a control character")]
    EditionTitle,
    /// No time to teach, or too long.
    #[error("an item takes 1 to 100,000 minutes to teach")]
    EditionMinutes,
    /// No text, or too long.
    #[error("a text has 1 to 65,536 bytes")]
    EditionText,
}
