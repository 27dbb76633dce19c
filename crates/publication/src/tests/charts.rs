//! Charts as SVG and as PNG.

use resvg::usvg::roxmltree::{Document, Node};

use super::sample::{AWKWARD, HUBS, observation, statistics};
use super::*;

const SVG: &str = "http://www.w3.org/2000/svg";

fn people_by_hub() -> Subject {
    Subject::Hubs { indicator: "people_trained".to_owned(), period: "programme/COEP".to_owned() }
}

fn trend() -> Subject {
    Subject::Trend { indicator: "people_trained".to_owned(), area: Area::Nation }
}

fn texts(document: &Document<'_>) -> Vec<String> {
    let texts = document.descendants().filter(|node| node.has_tag_name((SVG, "text")));
    texts.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

fn count(document: &Document<'_>, test: impl Fn(&Node<'_, '_>) -> bool) -> usize {
    document.descendants().filter(test).count()
}

#[test]
fn every_chart_is_well_formed_and_says_what_it_shows() {
    let charts = Chart::all(&statistics());
    // Of four indicators: a trend and bars by hub; of two of them, bars by gender. Regions are not compared.
    assert_eq!(charts.len(), 10);
    for chart in charts {
        let svg = chart.svg();
        let document = Document::parse(&svg).expect("well-formed XML");
        let root = document.root_element();
        assert!(root.has_tag_name((SVG, "svg")));
        assert_eq!(root.attribute("role"), Some("img"));
        for id in root.attribute("aria-labelledby").expect("labels").split(' ') {
            let label = document.descendants().find(|node| node.attribute("id") == Some(id)).expect("a label");
            assert!(!label.text().unwrap_or_default().is_empty());
        }
        // Nothing outside the document is needed, and text is text.
        assert!(!svg.contains("href") && !svg.contains("<image") && !svg.contains("<script"));
        assert!(texts(&document).iter().any(|text| text == chart.title()));
        assert!(root.attribute("font-family") == Some("sans-serif"));
    }
}

#[test]
fn the_hidden_is_drawn_as_hidden() {
    let svg = Chart::of(&statistics(), &people_by_hub()).expect("a chart").svg();
    let document = Document::parse(&svg).expect("well-formed XML");
    let texts = texts(&document);
    for expected in ["240", "about 45", "[c] 0 to 7", "[c]", "200 to 260", "[x]", AWKWARD] {
        assert!(texts.iter().any(|text| text == expected), "{expected} in {texts:?}");
    }
    let hatched = |node: &Node<'_, '_>| node.attribute("fill") == Some("url(#chart-hatch)");
    // Two hubs and the legend.
    assert_eq!(count(&document, hatched), 3);
    // One that nothing bounds covers the whole width of the axis, one of 0 to 7 a little.
    let widths: Vec<f64> =
        document.descendants().filter(hatched).map(|node| node.attribute("width").unwrap().parse().unwrap()).collect();
    assert!(widths[1] > 10.0 * widths[0], "{widths:?}");
    let description = Chart::of(&statistics(), &people_by_hub()).expect("a chart").description();
    assert!(description.contains(&format!("{}: hidden [c], at most 7", HUBS[3].0)), "{description}");
}

#[test]
fn a_line_joins_only_what_is_known_and_follows() {
    let svg = Chart::of(&statistics(), &trend()).expect("a chart").svg();
    let document = Document::parse(&svg).expect("well-formed XML");
    let joins = |node: &Node<'_, '_>| node.has_tag_name((SVG, "line")) && node.attribute("stroke") == Some("#1d4f91");
    assert_eq!(count(&document, joins), 1);
    // Four quarters are exact; the legend has one more.
    assert_eq!(count(&document, |node| node.has_tag_name((SVG, "circle"))), 5);
    for expected in ["[x]", "[c] 0 to 56", "280 or more", "240 to 268"] {
        assert!(texts(&document).iter().any(|text| text == expected), "{expected}");
    }
}

#[test]
fn nothing_is_compared_that_fewer_than_five_hubs_stand_behind() {
    let mut statistics = statistics();
    let regions = Subject::Regions { indicator: "people_trained".to_owned(), period: "programme/COEP".to_owned() };
    assert_eq!(Chart::of(&statistics, &regions), None, "one region has enough hubs, which is no comparison");
    let indicator = statistics.indicators[0].clone();
    let third = Observation {
        hubs: 5,
        ..observation("programme/COEP", &indicator, Area::Region("London".to_owned()), Figure::Exact(512))
    };
    statistics.observations.push(third);
    let chart = Chart::of(&statistics, &regions).expect("two regions that may be compared");
    let svg = chart.svg();
    let document = Document::parse(&svg).expect("well-formed XML");
    let texts = texts(&document);
    assert!(texts.iter().any(|text| text == "512") && texts.iter().any(|text| text == "under 5 hubs"), "{texts:?}");
    assert!(!texts.iter().any(|text| text == "240"), "the figure of the South West's one hub");
    assert!(chart.description().contains("South West: not compared, 1 hub behind it"));

    for observation in &mut statistics.observations {
        observation.hubs = observation.hubs.min(4);
    }
    assert_eq!(Chart::of(&statistics, &trend()), None);
    assert!(Chart::of(&statistics, &people_by_hub()).is_some(), "each hub's figure is its own");
}

#[test]
fn many_quarters_and_large_amounts_have_room() {
    let mut statistics = statistics();
    let money = statistics.indicators[3].clone();
    statistics.observations = (2008..2028)
        .flat_map(|year| (1..=4).map(move |quarter| format!("{year}-Q{quarter}")))
        .enumerate()
        .map(|(position, period)| {
            let figure = match position % 7 {
                3 => Figure::Hidden { low: 0, high: None },
                5 => Figure::Unavailable,
                _ => Figure::Exact(u64::MAX / 100 * (position as u64 + 1)),
            };
            observation(&period, &money, Area::Nation, figure)
        })
        .collect();
    let subject = Subject::Trend { indicator: money.code, area: Area::Nation };
    let svg = Chart::of(&statistics, &subject).expect("a chart").svg();
    let document = Document::parse(&svg).expect("well-formed XML");
    for node in document.descendants().filter(|node| node.has_tag_name((SVG, "text"))) {
        let place = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
        assert!((0.0..=880.0).contains(&place("x")) && place("y") > 0.0, "{node:?}");
    }
    let labels = texts(&document).iter().filter(|text| text.starts_with("Jan")).count();
    assert!(labels < 20, "not every quarter has room for its name");
}

/// What a PNG file holds.
fn picture(bytes: &[u8]) -> (::png::OutputInfo, Vec<u8>, Vec<(String, String)>) {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    let texts = reader.info().utf8_text.iter();
    let texts = texts.map(|text| (text.keyword.clone(), text.get_text().expect("text"))).collect();
    (info, pixels, texts)
}

#[test]
fn a_png_is_the_chart() {
    let chart = Chart::of(&statistics(), &people_by_hub()).expect("a chart");
    let bytes = chart.png().expect("a picture");
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    let (info, pixels, texts) = picture(&bytes);
    assert_eq!(info.width, 1_760);
    assert!(info.height > 600 && info.height < 1_400, "{}", info.height);
    let of_colour = |colour: [u8; 3]| pixels.chunks(3).filter(|pixel| **pixel == colour).count();
    // Bars, hatching and text on a white ground.
    assert!(of_colour([0x1d, 0x4f, 0x91]) > 10_000);
    assert!(of_colour([0x1a, 0x1a, 0x1a]) > 2_000);
    assert!(of_colour([255, 255, 255]) > pixels.len() / 6);
    let text = |keyword: &str| texts.iter().find(|(found, _)| found == keyword).map(|(_, text)| text.as_str());
    assert_eq!(text("Title"), Some("People trained by hub"));
    assert_eq!(text("Description"), Some(chart.description().as_str()));
    assert!(text("Provenance").expect("provenance").contains("payload_blake3"));
}

#[test]
fn text_in_a_png_needs_no_font_of_the_machine() {
    // Two charts that differ in one letter differ as pictures: text is drawn, and with the crate's fonts alone.
    let subject = people_by_hub();
    let one = Chart::of(&statistics(), &subject).expect("a chart").png().expect("a picture");
    let mut other = statistics();
    for observation in &mut other.observations {
        observation.indicator_title = observation.indicator_title.replace("trained", "brained");
    }
    let other = Chart::of(&other, &subject).expect("a chart").png().expect("a picture");
    assert_ne!(picture(&one).1, picture(&other).1);
}
