//! What a hub is called, what it is and how far along it is.

use std::fmt;
use std::str::FromStr;

use crate::DomainError;

/// A hub's name: 1 to 100 characters, trimmed, no control characters. An organisation's name, never a person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HubName(String);

impl HubName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HubName {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<HubName, DomainError> {
        let name = text.trim();
        let fits = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if fits { Ok(HubName(name.to_owned())) } else { Err(DomainError::HubName) }
    }
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HubKind {
    /// A Social Action Hub.
    SocialActionHub,
    /// The charity's own teaching and membership; never counted among the Social Action Hubs.
    National,
}

impl HubKind {
    /// Every kind.
    pub const ALL: [HubKind; 2] = [HubKind::SocialActionHub, HubKind::National];

    /// The kind as commands and files write it.
    pub fn code(self) -> &'static str {
        match self {
            HubKind::SocialActionHub => "social-action-hub",
            HubKind::National => "national",
        }
    }

    /// The kind as people read it.
    pub fn title(self) -> &'static str {
        match self {
            HubKind::SocialActionHub => "Social Action Hub",
            HubKind::National => "National",
        }
    }
}

impl FromStr for HubKind {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<HubKind, DomainError> {
        HubKind::ALL.into_iter().find(|kind| kind.code() == text).ok_or(DomainError::HubKind)
    }
}

/// How far along a hub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Asking about it.
    Enquiring,
    /// On the way.
    Developing,
    /// A working hub.
    Active,
    /// No longer a hub.
    Closed,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 4] = [Stage::Enquiring, Stage::Developing, Stage::Active, Stage::Closed];

    /// The stage as commands and files write it.
    pub fn code(self) -> &'static str {
        match self {
            Stage::Enquiring => "enquiring",
            Stage::Developing => "developing",
            Stage::Active => "active",
            Stage::Closed => "closed",
        }
    }

    /// The stage as people read it.
    pub fn title(self) -> &'static str {
        match self {
            Stage::Enquiring => "Enquiring",
            Stage::Developing => "Developing",
            Stage::Active => "Active",
            Stage::Closed => "Closed",
        }
    }
}

impl FromStr for Stage {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Stage, DomainError> {
        Stage::ALL.into_iter().find(|stage| stage.code() == text).ok_or(DomainError::Stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_checked() {
        assert_eq!("  Hull Orchard Park ".parse::<HubName>().unwrap().as_str(), "Hull Orchard Park");
        let too_long = "x".repeat(101);
        for wrong in ["", "   ", "a\nb", "a\u{7}b", too_long.as_str()] {
            assert_eq!(wrong.parse::<HubName>(), Err(DomainError::HubName));
        }
        assert!("ü".repeat(100).parse::<HubName>().is_ok());
    }

    #[test]
    fn codes_are_read_back() {
        for kind in HubKind::ALL {
            assert_eq!(kind.code().parse(), Ok(kind));
        }
        for stage in Stage::ALL {
            assert_eq!(stage.code().parse(), Ok(stage));
        }
    }
}
