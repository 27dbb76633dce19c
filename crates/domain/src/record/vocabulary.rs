//! The closed vocabularies of the records.

/// Defines an enum of a vocabulary with its codes; a code that is empty is written by leaving the field empty.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every word of the vocabulary, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word as files write it.
            pub fn code(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)+
                }
            }

            /// Reads a word; spaces around it and its case do not matter.
            pub fn from_code(text: &str) -> Option<$name> {
                let text = text.trim();
                $name::ALL.iter().copied().find(|word| word.code().eq_ignore_ascii_case(text))
            }
        }
    };
}

vocabulary! {
    /// A person's gender.
    Gender {
        /// Woman.
        Woman = "woman",
        /// Man.
        Man = "man",
        /// Non-binary.
        NonBinary = "non-binary",
        /// Asked, and preferred not to say.
        PreferNotToSay = "prefer-not-to-say",
        /// Nothing is recorded.
        Unknown = "",
    }
}

vocabulary! {
    /// A person's ethnicity.
    Ethnicity {
        /// Asian.
        Asian = "asian",
        /// Black.
        Black = "black",
        /// Mixed.
        Mixed = "mixed",
        /// White.
        White = "white",
        /// Other.
        Other = "other",
        /// Asked, and preferred not to say.
        PreferNotToSay = "prefer-not-to-say",
        /// Nothing is recorded.
        Unknown = "",
    }
}

vocabulary! {
    /// Whether a person is disabled.
    Disability {
        /// Yes.
        Yes = "yes",
        /// No.
        No = "no",
        /// Asked, and preferred not to say.
        PreferNotToSay = "prefer-not-to-say",
        /// Nothing is recorded.
        Unknown = "",
    }
}

vocabulary! {
    /// How a session is held.
    SessionMode {
        /// In a room.
        Classroom = "classroom",
        /// Online.
        Online = "online",
        /// By oneself.
        SelfDirected = "self-directed",
    }
}

vocabulary! {
    /// How an attendance ended.
    Outcome {
        /// The person completed the session.
        Completed = "completed",
        /// The person left before its end.
        Left = "left",
    }
}

vocabulary! {
    /// What a listening campaign is about.
    CampaignKind {
        /// A place.
        Place = "place",
        /// An organisation.
        Organisation = "organisation",
        /// An interest.
        Interest = "interest",
    }
}

vocabulary! {
    /// Where a listening was held.
    ListeningMode {
        /// At the door.
        Door = "door",
        /// One to one.
        OneToOne = "one-to-one",
        /// In the street.
        Street = "street",
        /// Online.
        Online = "online",
        /// In a group.
        Group = "group",
    }
}

vocabulary! {
    /// What was heard in a listening.
    ListeningKind {
        /// A concern.
        Concern = "concern",
        /// A vision.
        Vision = "vision",
    }
}

vocabulary! {
    /// What an action was.
    ActionKind {
        /// A meeting.
        Meeting = "meeting",
        /// An event.
        Event = "event",
        /// A petition.
        Petition = "petition",
        /// A service.
        Service = "service",
        /// A deputation.
        Deputation = "deputation",
    }
}
