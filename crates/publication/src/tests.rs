//! What holds of every format; what holds of some is below.

mod charts;
mod html;
mod records;
pub(crate) mod sample;

use super::*;
use sample::statistics;

/// The one file of a format with this name.
fn file(format: Format, name: &str) -> Vec<u8> {
    let files = publish(format, &statistics()).expect("every statistic can be published");
    files.into_iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name} in {format:?}")).bytes
}

fn text(format: Format, name: &str) -> String {
    String::from_utf8(file(format, name)).expect("UTF-8")
}

#[test]
fn every_format_carries_its_provenance() {
    // The release of the first hub for the programme: figures of the programme, and charts of it, rest on it.
    let statistics = statistics();
    let release = statistics.releases.iter().find(|release| release.period == "programme/COEP").expect("a release");
    for format in Format::ALL {
        let files = publish(format, &statistics).expect("every statistic can be published");
        let holds = |file: &File, word: &str| file.bytes.windows(word.len()).any(|window| window == word.as_bytes());
        for word in [&release.payload_hash, &release.entry_hash, &statistics.produced_at] {
            // SDMX has the moment in its rows and the releases beside them.
            assert!(files.iter().any(|file| holds(file, word)), "{format:?} does not hold {word}");
        }
        if matches!(format, Format::Svg | Format::Png) {
            for file in &files {
                assert!(holds(file, &statistics.produced_at), "{}", file.name);
                assert!(holds(file, "payload_blake3"), "{}", file.name);
            }
        }
    }
}

#[test]
fn the_same_statistics_give_the_same_bytes() {
    for format in Format::ALL {
        assert_eq!(publish(format, &statistics()).unwrap(), publish(format, &statistics()).unwrap());
    }
}

#[test]
fn names_of_files_are_plain_and_no_two_alike() {
    for format in Format::ALL {
        let mut names: Vec<String> =
            publish(format, &statistics()).unwrap().into_iter().map(|file| file.name).collect();
        for name in &names {
            let is_plain = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_' | '.')
            };
            assert!(name.chars().all(is_plain) && !name.starts_with('.'), "{name}");
        }
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

#[test]
fn nothing_at_all_can_be_published() {
    let nothing = Statistics {
        title: "Nothing".to_owned(),
        produced_at: "2020-06-30T12:00:00Z".to_owned(),
        federation: String::new(),
        observations: Vec::new(),
        indicators: Vec::new(),
        coverage: Vec::new(),
        declared: Vec::new(),
        releases: Vec::new(),
        policies: Vec::new(),
    };
    for format in Format::ALL {
        let files = publish(format, &nothing).unwrap();
        assert_eq!(files.is_empty(), matches!(format, Format::Svg | Format::Png), "{format:?}");
    }
}

#[test]
fn sums_over_hubs_say_what_is_known_of_them() {
    for (value, low, high, hubs, hidden, expected) in [
        (Some(3_966), Some(3_966), Some(3_966), 22, 0, Figure::Exact(3_966)),
        (None, Some(12), Some(40), 22, 4, Figure::Interval { low: 12, high: Some(40) }),
        (None, Some(1_005), None, 22, 4, Figure::Interval { low: 1_005, high: None }),
        (None, Some(0), Some(21), 3, 3, Figure::Hidden { low: 0, high: Some(21) }),
        (None, None, None, 3, 3, Figure::Hidden { low: 0, high: None }),
        (None, None, None, 0, 0, Figure::Unavailable),
        (Some(0), Some(0), Some(0), 0, 0, Figure::Unavailable),
    ] {
        assert_eq!(Figure::over_hubs(value, low, high, hubs, hidden), expected);
    }
}
