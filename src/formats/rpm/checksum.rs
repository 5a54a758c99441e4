//! The checksums inside packages, computed while bytes pass by.

use std::io::{self, Read};

use sha2::Digest as _;

use crate::ids::Algorithm;

/// A checksum under way.
#[derive(Clone)]
pub enum Hasher {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

macro_rules! each {
    ($self:expr, $inner:ident => $do:expr) => {
        match $self {
            Hasher::Md5($inner) => $do,
            Hasher::Sha1($inner) => $do,
            Hasher::Sha224($inner) => $do,
            Hasher::Sha256($inner) => $do,
            Hasher::Sha384($inner) => $do,
            Hasher::Sha512($inner) => $do,
        }
    };
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Hasher::Md5(md5::Md5::new()),
            Algorithm::Sha1 => Hasher::Sha1(sha1::Sha1::new()),
            Algorithm::Sha224 => Hasher::Sha224(sha2::Sha224::new()),
            Algorithm::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        each!(self, inner => inner.update(bytes));
    }

    /// The checksum in lower-case hex.
    pub fn finish(self) -> String {
        each!(self, inner => data_encoding::HEXLOWER.encode(&inner.finalize()))
    }

    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> String {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A checksum that a header states, and its computation.
pub(super) struct Expectation {
    pub what: &'static str,
    pub stated: String,
    pub hasher: Hasher,
}

impl Expectation {
    pub fn new(what: &'static str, algorithm: Algorithm, stated: String) -> Self {
        Expectation {
            what,
            stated,
            hasher: Hasher::new(algorithm),
        }
    }

    pub fn check(self) -> Result<(), super::Error> {
        let found = self.hasher.finish();
        if found.eq_ignore_ascii_case(&self.stated) {
            Ok(())
        } else {
            Err(super::Error::Mismatch {
                what: self.what,
                stated: self.stated,
                found,
            })
        }
    }
}

/// A reader that counts what passes, and feeds the expected checksums.
pub(super) struct Meter<R> {
    pub inner: R,
    pub length: u64,
    pub expected: Vec<Expectation>,
}

impl<R> Meter<R> {
    pub fn new(inner: R, expected: Vec<Expectation>) -> Self {
        Meter {
            inner,
            length: 0,
            expected,
        }
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.length += length as u64;
        for expectation in &mut self.expected {
            expectation.hasher.update(&buffer[..length]);
        }
        Ok(length)
    }
}
