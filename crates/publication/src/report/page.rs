//! HTML, section by section.

use crate::markup::escape;

const STYLE: &str = include_str!("style.css");

/// A page while it is written.
pub(super) struct Page {
    title: String,
    produced: String,
    contents: String,
    body: String,
}

impl Page {
    pub(super) fn new(title: &str, produced: &str) -> Page {
        Page { title: escape(title), produced: escape(produced), contents: String::new(), body: String::new() }
    }

    /// Begins a section; `id` is ours, never anybody's text.
    pub(super) fn section(&mut self, id: &str, title: &str) {
        if !self.body.is_empty() {
            self.body.push_str("</section>\n");
        }
        let title = escape(title);
        self.contents.push_str(&format!("<li><a href=\"#{id}\">{title}</a></li>\n"));
        self.body.push_str(&format!("<section id=\"{id}\">\n<h2>{title}</h2>\n"));
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.body.push_str(&format!("<h3>{}</h3>\n", escape(title)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.body.push_str(&format!("<p>{}</p>\n", escape(text)));
    }

    pub(super) fn list(&mut self, items: &[String]) {
        let items: String = items.iter().map(|item| format!("<li>{}</li>\n", escape(item))).collect();
        self.body.push_str(&format!("<ul>\n{items}</ul>\n"));
    }

    /// A table; the first field of each row is its heading. A line's end in a field begins a line in small print.
    pub(super) fn table(&mut self, caption: &str, head: &[&str], rows: Vec<Vec<String>>) {
        self.table_of("", caption, head, rows);
    }

    /// The same, in small print with hashes that break anywhere.
    pub(super) fn table_of_hashes(&mut self, caption: &str, head: &[&str], rows: Vec<Vec<String>>) {
        self.table_of(" class=\"hashes\"", caption, head, rows);
    }

    fn table_of(&mut self, class: &str, caption: &str, head: &[&str], rows: Vec<Vec<String>>) {
        let field = |text: &String| match text.split_once('\n') {
            Some((first, small)) => format!("{}<br><small>{}</small>", escape(first), escape(small)),
            None => escape(text),
        };
        self.body.push_str(&format!("<table{class}>\n<caption>{}</caption>\n<thead><tr>", escape(caption)));
        for title in head {
            self.body.push_str(&format!("<th scope=\"col\">{}</th>", escape(title)));
        }
        self.body.push_str("</tr></thead>\n<tbody>\n");
        for row in &rows {
            for (position, text) in row.iter().enumerate() {
                let text = field(text);
                match position {
                    0 => self.body.push_str(&format!("<tr><th scope=\"row\">{text}</th>")),
                    _ => self.body.push_str(&format!("<td>{text}</td>")),
                }
            }
            self.body.push_str("</tr>\n");
        }
        self.body.push_str("</tbody>\n</table>\n");
    }

    /// A chart, as SVG.
    pub(super) fn chart(&mut self, svg: &str) {
        self.body.push_str(&format!("<figure>\n{svg}</figure>\n"));
    }

    pub(super) fn finish(self) -> String {
        let Page { title, produced, contents, mut body } = self;
        if !body.is_empty() {
            body.push_str("</section>\n");
        }
        format!(
            "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{produced}</p>\n</header>\n\
             <nav aria-label=\"Contents\">\n<ol>\n{contents}</ol>\n</nav>\n<main>\n{body}</main>\n</body>\n</html>\n"
        )
    }
}
