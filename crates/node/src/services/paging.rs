//! Pages of a list. A token is opaque, says after which item the next page begins, and holds for one query only.

use std::convert::Infallible;

use data_encoding::BASE64URL_NOPAD;

use crate::status::Violations;

const USUAL: usize = 100;
const MOST: usize = 1000;
/// The most bytes of a page of more than one item: clients take messages of four times as many.
const HEAVIEST: usize = 1 << 20;
const SEPARATOR: char = '\u{1f}';

/// Which part of a list was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    query: String,
    size: usize,
    after: Option<String>,
}

impl Page {
    /// Reads the two paging fields of a request. `query` names the method and whatever else the request narrows the list by.
    pub(crate) fn read(query: &[&str], page_size: i32, page_token: &str, violations: &mut Violations) -> Self {
        let query = query.join("\u{1e}");
        let size = match usize::try_from(page_size) {
            Ok(0) => USUAL,
            Ok(size) => size.min(MOST),
            Err(_) => {
                violations.add("page_size", "write how many items a page may have, or 0 for 100");
                USUAL
            }
        };
        let after = (!page_token.is_empty()).then(|| token_item(&query, page_token)).and_then(|item| {
            if item.is_none() {
                violations.add(
                    "page_token",
                    "not a token of this list: give back the next_page_token of the page before, with the same query, \
                     or none to begin anew",
                );
            }
            item
        });
        Self { query, size, after }
    }

    /// How many items the page may have.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The key of the item that the page comes after.
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The token of the page after the item with this key.
    pub(crate) fn token(&self, key: &str) -> String {
        BASE64URL_NOPAD.encode(format!("{}{SEPARATOR}{key}", self.query).as_bytes())
    }

    /// Cuts the page out of the whole list, and makes the token of the next. `key` names an item among the others.
    pub(crate) fn cut<T>(&self, items: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        self.cut_light(items, key, |_| 0)
    }

    /// The same, of items that may be large: `weigh` says how many bytes one has, and the page ends before they get too
    /// many for one answer.
    pub(crate) fn cut_light<T>(
        &self,
        items: Vec<T>,
        key: impl Fn(&T) -> String,
        weigh: impl Fn(&T) -> usize,
    ) -> (Vec<T>, String) {
        let never: Result<_, Infallible> = self.cut_made(items, key, |item| Ok(Some(item)), weigh);
        never.unwrap_or_else(|never| match never {})
    }

    /// The same, of items that cost something: `make` makes those of the page alone; one that has gone meanwhile is left out.
    pub(crate) fn cut_made<I, T, E>(
        &self,
        items: Vec<I>,
        key: impl Fn(&I) -> String,
        mut make: impl FnMut(I) -> Result<Option<T>, E>,
        weigh: impl Fn(&T) -> usize,
    ) -> Result<(Vec<T>, String), E> {
        let start = match &self.after {
            None => 0,
            // An item that has gone since leaves nothing to go on from; the list ends.
            Some(after) => items.iter().position(|item| key(item) == *after).map_or(items.len(), |found| found + 1),
        };
        let all = items.len();
        let (mut page, mut weight, mut done, mut last) = (Vec::new(), 0, start, String::new());
        for item in items.into_iter().skip(start).take(self.size) {
            let named = key(&item);
            if let Some(made) = make(item)? {
                weight += weigh(&made);
                if weight > HEAVIEST && !page.is_empty() {
                    break;
                }
                page.push(made);
            }
            (done, last) = (done + 1, named);
        }
        let token = if all > done && !last.is_empty() { self.token(&last) } else { String::new() };
        Ok((page, token))
    }
}

fn token_item(query: &str, token: &str) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (of, item) = text.split_once(SEPARATOR)?;
    (of == query).then(|| item.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &[&str], size: i32, token: &str) -> Result<Page, tonic::Status> {
        let mut violations = Violations::default();
        let page = Page::read(query, size, token, &mut violations);
        violations.check().map(|()| page)
    }

    fn key(item: &u32) -> String {
        item.to_string()
    }

    #[test]
    fn pages_cover_a_list_once() {
        for size in 1..=12 {
            let (mut token, mut seen) = (String::new(), Vec::new());
            loop {
                let (items, next) = page(&["List"], size, &token).expect("a page").cut((0..10).collect(), key);
                assert!(items.len() <= 12);
                seen.extend(items);
                token = next;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(seen, (0..10).collect::<Vec<u32>>(), "pages of {size}");
        }
    }

    #[test]
    fn a_page_of_large_items_is_shorter_and_never_empty() {
        let (mut token, mut sizes) = (String::new(), Vec::new());
        loop {
            let weigh = |item: &u32| if *item == 3 { 2 * HEAVIEST } else { HEAVIEST / 2 };
            let (items, next) = page(&["List"], 4, &token).expect("a page").cut_light((0..7).collect(), key, weigh);
            sizes.push(items.len());
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(sizes, [2, 1, 1, 2, 1]);
    }

    #[test]
    fn only_the_items_of_a_page_are_made_and_one_that_has_gone_is_left_out() {
        let (mut token, mut pages, mut made) = (String::new(), Vec::new(), Vec::new());
        loop {
            let make = |item: u32| {
                made.push(item);
                Ok::<_, ()>((item != 4).then_some(item * 10))
            };
            let page = page(&["List"], 3, &token).expect("a page");
            let (items, next) = page.cut_made((0..8).collect(), key, make, |_| 0).expect("made");
            assert_eq!(made.len(), (pages.len() + 1).min(3) * 3 - usize::from(pages.len() == 2));
            pages.push(items);
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, [vec![0, 10, 20], vec![30, 50], vec![60, 70]]);
        let refused =
            page(&["List"], 3, "").expect("a page").cut_made(vec![1], key, |_| Err::<Option<u32>, _>(7), |_| 0);
        assert_eq!(refused, Err(7));
    }

    #[test]
    fn a_token_holds_for_its_query_alone() {
        let (_, token) = page(&["List", "2018-Q3"], 3, "").expect("a page").cut((0..10).collect(), key);
        assert!(page(&["List", "2018-Q3"], 5, &token).is_ok());
        for (query, token) in [
            (&["List", "2018-Q4"][..], token.as_str()),
            (&["Other", "2018-Q3"], &token),
            (&["List", "2018-Q3"], "!"),
            (&["List", "2018-Q3"], "AAAA"),
        ] {
            assert!(page(query, 3, token).is_err(), "{query:?} {token}");
        }
    }

    #[test]
    fn both_fields_are_refused_at_once() {
        let refusal = page(&["List"], -1, "!").expect_err("a refusal");
        assert!(refusal.message().contains("page_size") && refusal.message().contains("page_token"), "{refusal}");
    }
}
