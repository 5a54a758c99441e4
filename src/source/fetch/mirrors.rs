//! The mirrors of one repository, the best first.

use std::sync::{Mutex, PoisonError};

use super::url::Url;

/// Base URLs that hold the same files, in the order that they were given in.
///
/// One that gave something else than it should is asked last, one that failed lately later.
#[derive(Debug, Default)]
pub struct Mirrors {
    urls: Vec<Url>,
    standing: Mutex<Vec<Standing>>,
}

/// Compared from the first field on; less is better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    lies: u32,
    /// In a row.
    failures: u32,
}

impl Mirrors {
    pub fn new(urls: Vec<Url>) -> Self {
        let standing = Mutex::new(vec![Standing::default(); urls.len()]);
        Mirrors { urls, standing }
    }

    pub fn urls(&self) -> &[Url] {
        &self.urls
    }

    /// The mirrors by how they stand now.
    pub fn best_first(&self) -> Vec<usize> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<usize> = (0..self.urls.len()).collect();
        order.sort_by_key(|&mirror| standing[mirror]);
        order
    }

    pub fn gave(&self, mirror: usize) {
        self.change(mirror, |standing| standing.failures = 0);
    }

    pub fn failed(&self, mirror: usize) {
        self.change(mirror, |standing| standing.failures += 1);
    }

    pub fn lied(&self, mirror: usize) {
        self.change(mirror, |standing| standing.lies += 1);
    }

    fn change(&self, mirror: usize, change: impl Fn(&mut Standing)) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = standing.get_mut(mirror) {
            change(standing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lies_comes_last_and_who_failed_comes_back() {
        let urls = ["http://a", "http://b", "http://c"];
        let mirrors = Mirrors::new(urls.iter().map(|url| url.parse().unwrap()).collect());
        assert_eq!(mirrors.best_first(), [0, 1, 2]);
        mirrors.lied(0);
        mirrors.failed(1);
        assert_eq!(mirrors.best_first(), [2, 1, 0]);
        mirrors.gave(1);
        mirrors.gave(0);
        assert_eq!(mirrors.best_first(), [1, 2, 0]);
    }
}
