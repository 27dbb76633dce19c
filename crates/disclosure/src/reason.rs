//! Why figures leave as they do.

/// Why a figure leaves as it does; for the hub alone, the wire never says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The figure says nothing of a person.
    Open,
    /// Enough people.
    EnoughPeople,
    /// Enough people stand behind the sum, and no one or two of them make up too much of it.
    EnoughBehind,
    /// No event of its kind had people in the period.
    NoEvent,
    /// Too few people.
    FewPeople,
    /// Too few people stand behind the sum.
    FewBehind,
    /// A part of a breakdown, rounded.
    RoundedPart,
    /// A part of a breakdown with too few people.
    SmallPart,
    /// A part hidden lest the one other hidden part be worked out.
    HidesAnother,
    /// A part of a breakdown whose headline is hidden.
    HeadlineHidden,
    /// A breakdown in which everybody would be in one part.
    EveryoneInOne,
    /// One person makes up too much of the sum.
    OneContributor,
    /// Two people make up too much of the sum.
    TwoContributors,
    /// A part that the audit hides.
    AuditHidden,
    /// A total that the audit rounds.
    AuditRounded,
    /// A total or a whole breakdown that the audit withholds.
    AuditWithheld,
    /// The release before stands.
    Stands,
}

impl Reason {
    /// The number of the rule of disclosure control that decides: 1 to 6; 0 where no rule has anything to say.
    pub fn rule(self) -> u8 {
        match self {
            Reason::Open => 0,
            Reason::EnoughPeople | Reason::EnoughBehind | Reason::NoEvent | Reason::FewPeople | Reason::FewBehind => 1,
            Reason::RoundedPart | Reason::SmallPart => 2,
            Reason::HidesAnother | Reason::HeadlineHidden | Reason::EveryoneInOne => 3,
            Reason::OneContributor | Reason::TwoContributors => 4,
            Reason::AuditHidden | Reason::AuditRounded | Reason::AuditWithheld => 5,
            Reason::Stands => 6,
        }
    }

    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Open => "says nothing of any one person, so it leaves as it is",
            Reason::EnoughPeople => "enough people, so it leaves as it is",
            Reason::EnoughBehind => "enough people stand behind it, so it leaves as it is",
            Reason::NoEvent => "nobody was at an event of this kind, so the 0 says nothing of any one person",
            Reason::FewPeople => "too few people, so only that is said",
            Reason::FewBehind => "too few people stand behind it, so nothing is said",
            Reason::RoundedPart => "part of a breakdown, so it is rounded to the nearest 5",
            Reason::SmallPart => "too few people in this part, so only that is said",
            Reason::HidesAnother => "hidden as well, lest the one other hidden part could be worked out from the total",
            Reason::HeadlineHidden => "the total is hidden, so its parts are too",
            Reason::EveryoneInOne => "everybody is in one part, so no part is shown",
            Reason::OneContributor => "one person makes up too much of it, so nothing is said",
            Reason::TwoContributors => "two people make up too much of it, so nothing is said",
            Reason::AuditHidden => "hidden as well, lest a small figure could be worked out from others",
            Reason::AuditRounded => "rounded to the nearest 5, lest a small figure could be worked out from others",
            Reason::AuditWithheld => "withheld, lest a small figure could be worked out from others",
            Reason::Stands => "as in the release that stands",
        }
    }
}
