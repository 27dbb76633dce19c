//! The report as a document.

use super::sample::{AWKWARD, statistics};
use super::*;

fn report() -> String {
    text(Format::Html, "report.html")
}

/// The tags of a document in order, without their attributes: `p`, `/p`.
fn tags(html: &str) -> Vec<String> {
    let inside = html.split('<').skip(1).filter_map(|part| part.split_once('>').map(|(tag, _)| tag));
    inside
        .filter(|tag| !tag.starts_with('!') && !tag.ends_with('/'))
        .map(|tag| tag.split_whitespace().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_element_is_closed() {
    let mut open: Vec<String> = Vec::new();
    for tag in tags(&report()) {
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{open:?}"),
            None if matches!(tag.as_str(), "meta" | "br") => {}
            None => open.push(tag),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn it_needs_nothing_beside_it() {
    let html = report();
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en-GB\">"));
    for foreign in ["<script", "<link", "<img", "src=", "@import", "url(http", "href=\"http"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    assert!(html.contains("@media print") && html.contains("<svg"));
}

#[test]
fn text_from_outside_is_text() {
    let html = report();
    assert!(!html.contains("<b>") && !html.contains(AWKWARD));
    assert!(html.contains("=HYPERLINK(&quot;x&quot;), &lt;b&gt;&amp;&quot;Sons&quot;"));
    let mut statistics = statistics();
    statistics.title = "</title><script>alert(1)</script>".to_owned();
    let html = publish(Format::Html, &statistics).unwrap().remove(0).bytes;
    assert!(!String::from_utf8(html).unwrap().contains("<script"));
}

#[test]
fn ids_are_there_once_and_links_lead_somewhere() {
    let html = report();
    let values = |attribute: &str| -> Vec<String> {
        let parts = html.split(attribute).skip(1);
        parts.filter_map(|part| part.split('"').next().map(str::to_owned)).collect()
    };
    let mut ids = values(" id=\"");
    let all = ids.len();
    for target in values("href=\"#") {
        assert!(ids.contains(&target), "{target}");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn tables_have_captions_and_headings() {
    let html = report();
    let tables = html.matches("<table").count();
    assert!(tables > 10);
    assert_eq!(html.matches("<caption>").count(), tables);
    assert!(!html.contains("<th>") && html.contains("<th scope=\"col\">") && html.contains("<th scope=\"row\">"));
}

#[test]
fn it_says_what_a_funder_asks() {
    let html = report();
    for expected in [
        // Figures with their bounds, money in pounds.
        "between 1,890 and 1,941",
        "between £2,854,221.30 and £2,931,239.97",
        "at least 280",
        "hidden [c], at most 56",
        "not available [x]",
        "Of 64 releases expected, 53 came on time and 6 late; 5 are not held.",
        "1 April 2018 to 31 March 2020",
        // What may not be compared is said to be so.
        "not compared: fewer than 5 hubs behind it",
        "they are listed, and not ranked",
        // Figures published elsewhere, with all that their sources say.
        "over £1,250,000.00",
        "The National Community Organising Apprenticeship, 2021",
        "Counts hubs, not what hubs did.",
        "nothing comparable",
        "no difference is computed",
        "never added up over periods",
        "fewer than 10",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    for section in [
        "summary",
        "coverage",
        "figures",
        "indicators",
        "outcomes",
        "declared",
        "definitions",
        "protection",
        "provenance",
    ] {
        assert!(html.contains(&format!("<section id=\"{section}\">")), "{section}");
    }
    // One hub's figure does not stand beside a region's.
    assert!(!html.contains("<td>240</td>"));
}

#[test]
fn a_trend_that_is_not_drawn_is_explained() {
    let mut statistics = statistics();
    for observation in &mut statistics.observations {
        observation.hubs = observation.hubs.min(4);
    }
    let html = String::from_utf8(publish(Format::Html, &statistics).unwrap().remove(0).bytes).unwrap();
    assert!(html.contains("No trend is drawn: fewer than two quarters have 5 hubs or more behind them."));
}
