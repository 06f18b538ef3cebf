//! One page of a list.

/// Items in their stated order, and where the next page starts.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Where the next page starts, in the backend's own terms; `None` exactly on the last page.
    pub next: Option<String>,
}

/// Which page a caller asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// How many items at most, 1 to 200.
    pub limit: usize,
    /// A position that an earlier page of the same list gave as `next`.
    pub after: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            limit: Self::DEFAULT,
            after: None,
        }
    }
}

impl Paging {
    /// The items of a page unless the caller says otherwise.
    pub const DEFAULT: usize = 50;
    /// The most items of a page.
    pub const MAX: usize = 200;
}

/// A position that does not fit the list: the item it stands on is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl<T> Page<T> {
    /// Everything there is, in one page.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// Cuts one page out of a whole list, for systems that do not page.
    ///
    /// A position is the key of the last item given, so items that appear in front of it between two pages are neither
    /// skipped nor repeated.
    ///
    /// # Errors
    /// [`Lost`] if the item a position stands on is no longer in the list.
    pub fn cut(mut all: Vec<T>, paging: &Paging, key: impl Fn(&T) -> &str) -> Result<Self, Lost> {
        if let Some(after) = &paging.after {
            let at = all.iter().position(|item| key(item) == after).ok_or(Lost)?;
            all.drain(..=at);
        }
        let next = (all.len() > paging.limit).then(|| key(&all[paging.limit - 1]).to_owned());
        all.truncate(paging.limit);
        Ok(Self { items: all, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_whole_list_give_every_item_once() {
        let all: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let mut seen = Vec::new();
        let mut paging = Paging { limit: 15, after: None };
        loop {
            let page = Page::cut(all.clone(), &paging, |item| item).unwrap();
            seen.extend(page.items);
            match page.next {
                Some(next) => paging.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn the_last_page_says_so_even_when_it_is_full() {
        let all = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            Page::cut(all, &Paging { limit: 2, after: None }, |item| item)
                .unwrap()
                .next,
            None
        );
    }

    #[test]
    fn a_position_on_a_vanished_item_is_lost() {
        let all = vec!["a".to_owned()];
        let paging = Paging {
            limit: 2,
            after: Some("z".to_owned()),
        };
        assert_eq!(Page::cut(all, &paging, |item| item).unwrap_err(), Lost);
    }
}
