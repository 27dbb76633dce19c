//! What indicators are broken down by.

use crate::record::{Disability, Ethnicity, Gender};

/// What an indicator is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The age at a person's first event of the period that counts.
    AgeBand,
    /// Gender.
    Gender,
    /// Ethnicity.
    Ethnicity,
    /// Disability.
    Disability,
    /// What was heard in a listening; several themes may be.
    Theme,
    /// Where a listening was held; a person may be heard in several wards.
    Ward,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Dimension; 6] = [
        Dimension::AgeBand,
        Dimension::Gender,
        Dimension::Ethnicity,
        Dimension::Disability,
        Dimension::Theme,
        Dimension::Ward,
    ];

    /// The code, such as `gender`.
    pub fn code(self) -> &'static str {
        match self {
            Dimension::AgeBand => "age_band",
            Dimension::Gender => "gender",
            Dimension::Ethnicity => "ethnicity",
            Dimension::Disability => "disability",
            Dimension::Theme => "theme",
            Dimension::Ward => "ward",
        }
    }

    /// The dimension of a code.
    pub fn from_code(code: &str) -> Option<Dimension> {
        Dimension::ALL.into_iter().find(|dimension| dimension.code() == code)
    }

    /// The title that people read.
    pub fn title(self) -> &'static str {
        match self {
            Dimension::AgeBand => "Age",
            Dimension::Gender => "Gender",
            Dimension::Ethnicity => "Ethnicity",
            Dimension::Disability => "Disability",
            Dimension::Theme => "Theme",
            Dimension::Ward => "Ward",
        }
    }

    /// Whether everybody is in one category and in one only, so that the categories add up to the headline.
    pub fn is_additive(self) -> bool {
        match self {
            Dimension::AgeBand | Dimension::Gender | Dimension::Ethnicity | Dimension::Disability => true,
            Dimension::Theme | Dimension::Ward => false,
        }
    }

    /// Whether the catalogue cannot list the categories: a release then lists those alone that it shows.
    pub fn is_open_ended(self) -> bool {
        self == Dimension::Ward
    }

    /// Whether it is of the special categories of Article 9 of the UK GDPR.
    pub fn is_special(self) -> bool {
        matches!(self, Dimension::Ethnicity | Dimension::Disability)
    }

    /// The categories, in the order of the catalogue; none where the dimension is open-ended.
    pub fn categories(self) -> &'static [Category] {
        match self {
            Dimension::AgeBand => &AGE_BANDS,
            Dimension::Gender => &GENDERS,
            Dimension::Ethnicity => &ETHNICITIES,
            Dimension::Disability => &DISABILITIES,
            Dimension::Theme => &THEMES,
            Dimension::Ward => &[],
        }
    }

    /// The category of a code.
    pub fn category(self, code: &str) -> Option<Category> {
        if self == Dimension::Ward {
            return Ward::from_code(code).map(Category::Ward);
        }
        self.categories().iter().copied().find(|category| category.code() == code)
    }
}

const AGE_BANDS: [Category; 7] = [
    Category::AgeBand(AgeBand::Under18),
    Category::AgeBand(AgeBand::From18To24),
    Category::AgeBand(AgeBand::From25To34),
    Category::AgeBand(AgeBand::From35To49),
    Category::AgeBand(AgeBand::From50To64),
    Category::AgeBand(AgeBand::From65),
    Category::AgeBand(AgeBand::Unknown),
];

const GENDERS: [Category; 5] = [
    Category::Gender(Gender::Woman),
    Category::Gender(Gender::Man),
    Category::Gender(Gender::NonBinary),
    Category::Gender(Gender::PreferNotToSay),
    Category::Gender(Gender::Unknown),
];

const ETHNICITIES: [Category; 7] = [
    Category::Ethnicity(Ethnicity::Asian),
    Category::Ethnicity(Ethnicity::Black),
    Category::Ethnicity(Ethnicity::Mixed),
    Category::Ethnicity(Ethnicity::White),
    Category::Ethnicity(Ethnicity::Other),
    Category::Ethnicity(Ethnicity::PreferNotToSay),
    Category::Ethnicity(Ethnicity::Unknown),
];

const DISABILITIES: [Category; 4] = [
    Category::Disability(Disability::Yes),
    Category::Disability(Disability::No),
    Category::Disability(Disability::PreferNotToSay),
    Category::Disability(Disability::Unknown),
];

const THEMES: [Category; Theme::ALL.len()] = {
    let mut categories = [Category::Theme(Theme::Other); Theme::ALL.len()];
    let mut at = 0;
    while at < Theme::ALL.len() {
        categories[at] = Category::Theme(Theme::ALL[at]);
        at += 1;
    }
    categories
};

/// A band of ages. Age is the year of the event less the year of birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgeBand {
    /// Under 18.
    Under18,
    /// 18 to 24.
    From18To24,
    /// 25 to 34.
    From25To34,
    /// 35 to 49.
    From35To49,
    /// 50 to 64.
    From50To64,
    /// 65 and over.
    From65,
    /// The year of birth is not known.
    Unknown,
}

impl AgeBand {
    /// The band in a year of somebody born in a year. Whoever is not born yet by what was written is under 18.
    pub fn of(year: i32, birth_year: Option<i32>) -> AgeBand {
        match birth_year.map(|born| year.saturating_sub(born)) {
            None => AgeBand::Unknown,
            Some(..=17) => AgeBand::Under18,
            Some(18..=24) => AgeBand::From18To24,
            Some(25..=34) => AgeBand::From25To34,
            Some(35..=49) => AgeBand::From35To49,
            Some(50..=64) => AgeBand::From50To64,
            Some(65..) => AgeBand::From65,
        }
    }

    /// Whether somebody in the band is under 25.
    pub fn is_young(self) -> bool {
        matches!(self, AgeBand::Under18 | AgeBand::From18To24)
    }
}

/// A theme as figures know it. What hubs write is free text, which must not cross: what is not listed here is `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Theme {
    /// Housing.
    Housing,
    /// Damp homes.
    Damp,
    /// Buses.
    Buses,
    /// Crime.
    Crime,
    /// Young people.
    YoungPeople,
    /// Green space.
    GreenSpace,
    /// Loneliness.
    Loneliness,
    /// Debt.
    Debt,
    /// Food.
    Food,
    /// Health.
    Health,
    /// Litter.
    Litter,
    /// Jobs.
    Jobs,
    /// Anything else.
    Other,
}

impl Theme {
    /// Every theme, in the order of the catalogue.
    pub const ALL: [Theme; 13] = [
        Theme::Housing,
        Theme::Damp,
        Theme::Buses,
        Theme::Crime,
        Theme::YoungPeople,
        Theme::GreenSpace,
        Theme::Loneliness,
        Theme::Debt,
        Theme::Food,
        Theme::Health,
        Theme::Litter,
        Theme::Jobs,
        Theme::Other,
    ];

    /// The code, such as `green-space`.
    pub fn code(self) -> &'static str {
        match self {
            Theme::Housing => "housing",
            Theme::Damp => "damp",
            Theme::Buses => "buses",
            Theme::Crime => "crime",
            Theme::YoungPeople => "young-people",
            Theme::GreenSpace => "green-space",
            Theme::Loneliness => "loneliness",
            Theme::Debt => "debt",
            Theme::Food => "food",
            Theme::Health => "health",
            Theme::Litter => "litter",
            Theme::Jobs => "jobs",
            Theme::Other => "other",
        }
    }

    /// The theme of what a hub wrote: case does not matter, and a space is a hyphen.
    pub fn of(text: &str) -> Theme {
        let known = |theme: &Theme| {
            let code = theme.code().bytes();
            let text = text.trim().bytes().map(|byte| if byte == b' ' { b'-' } else { byte.to_ascii_lowercase() });
            code.eq(text)
        };
        Theme::ALL.into_iter().find(known).unwrap_or(Theme::Other)
    }

    fn title(self) -> &'static str {
        match self {
            Theme::Housing => "Housing",
            Theme::Damp => "Damp",
            Theme::Buses => "Buses",
            Theme::Crime => "Crime",
            Theme::YoungPeople => "Young people",
            Theme::GreenSpace => "Green space",
            Theme::Loneliness => "Loneliness",
            Theme::Debt => "Debt",
            Theme::Food => "Food",
            Theme::Health => "Health",
            Theme::Litter => "Litter",
            Theme::Jobs => "Jobs",
            Theme::Other => "Other themes",
        }
    }
}

/// A ward by its GSS code: a letter and eight digits, such as `E05008942`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ward([u8; 9]);

impl Ward {
    /// Reads a code; spaces around it and the letter's case do not matter.
    pub fn from_code(text: &str) -> Option<Ward> {
        let mut code: [u8; 9] = text.trim().as_bytes().try_into().ok()?;
        code[0].make_ascii_uppercase();
        (code[0].is_ascii_uppercase() && code[1..].iter().all(u8::is_ascii_digit)).then_some(Ward(code))
    }

    /// The code.
    pub fn code(&self) -> &str {
        // A ward has ASCII alone.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// One category of a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// A band of ages.
    AgeBand(AgeBand),
    /// A gender.
    Gender(Gender),
    /// An ethnicity.
    Ethnicity(Ethnicity),
    /// Whether disabled.
    Disability(Disability),
    /// A theme.
    Theme(Theme),
    /// A ward.
    Ward(Ward),
}

const UNKNOWN: &str = "unknown";

impl Category {
    /// The code, such as `woman`; `unknown` where nothing is recorded.
    pub fn code(&self) -> &str {
        match self {
            Category::AgeBand(AgeBand::Under18) => "under-18",
            Category::AgeBand(AgeBand::From18To24) => "18-24",
            Category::AgeBand(AgeBand::From25To34) => "25-34",
            Category::AgeBand(AgeBand::From35To49) => "35-49",
            Category::AgeBand(AgeBand::From50To64) => "50-64",
            Category::AgeBand(AgeBand::From65) => "65-and-over",
            Category::AgeBand(AgeBand::Unknown)
            | Category::Gender(Gender::Unknown)
            | Category::Ethnicity(Ethnicity::Unknown)
            | Category::Disability(Disability::Unknown) => UNKNOWN,
            Category::Gender(gender) => gender.code(),
            Category::Ethnicity(ethnicity) => ethnicity.code(),
            Category::Disability(disability) => disability.code(),
            Category::Theme(theme) => theme.code(),
            Category::Ward(ward) => ward.code(),
        }
    }

    /// The title that people read, such as "Women".
    pub fn title(&self) -> &str {
        match self {
            Category::AgeBand(AgeBand::Under18) => "Under 18",
            Category::AgeBand(AgeBand::From18To24) => "18 to 24",
            Category::AgeBand(AgeBand::From25To34) => "25 to 34",
            Category::AgeBand(AgeBand::From35To49) => "35 to 49",
            Category::AgeBand(AgeBand::From50To64) => "50 to 64",
            Category::AgeBand(AgeBand::From65) => "65 and over",
            Category::AgeBand(AgeBand::Unknown) => "Age not known",
            Category::Gender(Gender::Woman) => "Women",
            Category::Gender(Gender::Man) => "Men",
            Category::Gender(Gender::NonBinary) => "Non-binary people",
            Category::Gender(Gender::PreferNotToSay) => "Gender: prefer not to say",
            Category::Gender(Gender::Unknown) => "Gender not known",
            Category::Ethnicity(Ethnicity::Asian) => "Asian",
            Category::Ethnicity(Ethnicity::Black) => "Black",
            Category::Ethnicity(Ethnicity::Mixed) => "Mixed",
            Category::Ethnicity(Ethnicity::White) => "White",
            Category::Ethnicity(Ethnicity::Other) => "Other ethnicity",
            Category::Ethnicity(Ethnicity::PreferNotToSay) => "Ethnicity: prefer not to say",
            Category::Ethnicity(Ethnicity::Unknown) => "Ethnicity not known",
            Category::Disability(Disability::Yes) => "Disabled",
            Category::Disability(Disability::No) => "Not disabled",
            Category::Disability(Disability::PreferNotToSay) => "Disability: prefer not to say",
            Category::Disability(Disability::Unknown) => "Disability not known",
            Category::Theme(theme) => theme.title(),
            Category::Ward(ward) => ward.code(),
        }
    }

    /// The dimension that it belongs to.
    pub fn dimension(self) -> Dimension {
        match self {
            Category::AgeBand(_) => Dimension::AgeBand,
            Category::Gender(_) => Dimension::Gender,
            Category::Ethnicity(_) => Dimension::Ethnicity,
            Category::Disability(_) => Dimension::Disability,
            Category::Theme(_) => Dimension::Theme,
            Category::Ward(_) => Dimension::Ward,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_and_are_unique_in_their_dimension() {
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::from_code(dimension.code()), Some(dimension));
            assert_eq!(dimension.categories().is_empty(), dimension.is_open_ended());
            assert!(dimension.categories().is_sorted());
            for category in dimension.categories() {
                assert_eq!(category.dimension(), dimension);
                assert_eq!(dimension.category(category.code()), Some(*category));
            }
        }
    }

    #[test]
    fn an_age_is_the_years_between() {
        for (born, band) in [
            (Some(2001), AgeBand::Under18),
            (Some(2030), AgeBand::Under18),
            (Some(2000), AgeBand::From18To24),
            (Some(1994), AgeBand::From18To24),
            (Some(1993), AgeBand::From25To34),
            (Some(1953), AgeBand::From65),
            (None, AgeBand::Unknown),
        ] {
            assert_eq!(AgeBand::of(2018, born), band, "{born:?}");
        }
    }

    #[test]
    fn themes_beyond_the_list_are_others() {
        for (text, theme) in [
            ("housing", Theme::Housing),
            (" Green space ", Theme::GreenSpace),
            ("Mrs Smith's roof", Theme::Other),
            ("", Theme::Other),
        ] {
            assert_eq!(Theme::of(text), theme, "{text}");
        }
    }

    #[test]
    fn wards_are_gss_codes() {
        assert_eq!(Ward::from_code(" e05008942 ").map(|ward| ward.code().to_owned()), Some("E05008942".to_owned()));
        for wrong in ["", "E0500894", "E050089421", "505008942", "E05oo8942", "Éa500894"] {
            assert_eq!(Ward::from_code(wrong), None, "{wrong}");
        }
    }
}
