//! Writing a package: bytes that are a function of a [`Spec`] and of nothing else.
//!
//! No build host, no clock, no version of ours goes in. The payload is compressed by a library that is pinned:
//! another version of it may give other bytes, and then the composer's version has to be raised.

use std::io::Write;

use super::archive::{Archive, LEVEL, Open, inode};
use super::assemble::HeaderBuilder;
use super::checksum::Hasher;
use super::{Capabilities, Error, Spec, SpecContent, SpecFile, requirements, tags};
use crate::ids::{Algorithm, Nevra, TreePath};

/// OpenPGP's number for SHA-256.
const SHA256: u32 = 8;

/// Writes the payload to `payload`, and returns what comes before it: lead, signature header, header.
pub fn write(spec: &Spec, open: &mut Open<'_>, payload: &mut dyn Write) -> Result<Vec<u8>, Error> {
    check(spec)?;
    let archive = Archive::write(spec, open, payload)?;
    let header = header(spec, &archive)?;
    let mut front = lead(&spec.nevra);
    front.extend(signature(&header, &archive));
    front.resize(front.len().next_multiple_of(8), 0);
    front.extend(header);
    Ok(front)
}

fn check(spec: &Spec) -> Result<(), Error> {
    let Nevra { name, evr, arch } = &spec.nevra;
    for (what, value) in [
        ("name", name),
        ("version", &evr.version),
        ("release", &evr.release),
        ("architecture", arch),
    ] {
        let good = |c: char| c.is_ascii_alphanumeric() || "._+~^".contains(c);
        let hyphen = |c: char| what == "name" && c == '-';
        if value.is_empty() || !value.chars().all(|c| good(c) || hyphen(c)) {
            return Err(Error::unwritable(format!("{value:?} can't be its {what}")));
        }
    }
    if arch == "src" || arch == "nosrc" {
        return Err(Error::unwritable("source packages are not written here"));
    }
    if u32::try_from(spec.build_time).is_err() {
        return Err(Error::unwritable("its build time does not fit 32 bits"));
    }
    if spec
        .changelogs
        .iter()
        .any(|entry| u32::try_from(entry.time).is_err())
    {
        return Err(Error::unwritable(
            "the time of a changelog entry does not fit 32 bits",
        ));
    }
    for name in spec.scripts.keys() {
        if requirements::script(name).is_none() {
            return Err(Error::unwritable(format!("{name:?} is not a scriptlet")));
        }
    }
    spec.files.iter().try_for_each(check_file)?;
    match spec
        .files
        .windows(2)
        .find(|pair| pair[0].path >= pair[1].path)
    {
        Some(pair) => Err(Error::unwritable(format!(
            "{} is not in order",
            pair[1].path
        ))),
        None => Ok(()),
    }
}

fn check_file(file: &SpecFile) -> Result<(), Error> {
    let bad = |reason: &str| Error::unwritable(format!("{}: {reason}", file.path));
    let path = TreePath::parse(&file.path).map_err(|error| Error::unwritable(error.to_string()))?;
    if format!("{path}") != file.path {
        return Err(bad("a path begins with a slash, and has no needless ones"));
    }
    if file.mode & !0o7777 != 0 {
        return Err(bad("its mode has more than permission bits"));
    }
    if matches!(file.content, SpecContent::File { size, .. } if u32::try_from(size).is_err()) {
        return Err(bad("files of 4 GiB and more are not written here"));
    }
    if !file.capabilities.is_empty() {
        Capabilities::parse(&file.capabilities)?.to_attribute()?;
    }
    Ok(())
}

fn header(spec: &Spec, archive: &Archive) -> Result<Vec<u8>, Error> {
    let mut header = HeaderBuilder::default();
    describe(&mut header, spec);
    requirements::write(&mut header, spec);
    files(&mut header, spec, archive);
    scripts(&mut header, spec);
    header.string(tags::PAYLOAD_FORMAT, "cpio");
    header.string(tags::PAYLOAD_COMPRESSOR, "zstd");
    header.string(tags::PAYLOAD_FLAGS, &LEVEL.to_string());
    header.strings(tags::PAYLOAD_DIGEST, [&archive.compressed_digest]);
    header.words(tags::PAYLOAD_DIGEST_ALGORITHM, [SHA256]);
    header.strings(tags::PAYLOAD_DIGEST_ALT, [&archive.digest]);
    let image = header.finish(tags::HEADER_IMMUTABLE);
    let image = image
        .map_err(|tag| Error::unwritable(format!("a NUL byte is in the text of tag {tag}")))?;
    // Limits of a header are for the reader to know.
    super::Header::parse(&image).map_err(|error| Error::unwritable(error.to_string()))?;
    Ok(image)
}

fn describe(header: &mut HeaderBuilder, spec: &Spec) {
    let Nevra { name, evr, arch } = &spec.nevra;
    header.strings(tags::I18N_TABLE, ["C"]);
    header.string(tags::NAME, name);
    header.string(tags::VERSION, &evr.version);
    header.string(tags::RELEASE, &evr.release);
    if evr.epoch != 0 {
        header.words(tags::EPOCH, [evr.epoch]);
    }
    header.i18n(tags::SUMMARY, &spec.summary);
    header.i18n(tags::DESCRIPTION, &spec.description);
    header.i18n(tags::GROUP, "Unspecified");
    header.words(tags::BUILD_TIME, [spec.build_time as u32]);
    header.string(tags::BUILD_HOST, "localhost");
    header.string(tags::LICENSE, &spec.license);
    header.optional(tags::VENDOR, &spec.vendor);
    header.optional(tags::URL, &spec.url);
    header.string(tags::OS, "linux");
    header.string(tags::ARCH, arch);
    header.string(tags::PLATFORM, &format!("{arch}-linux"));
    header.string(tags::ENCODING, "utf-8");
    // Without it, this would be a source package.
    let source = format!("{name}-{}-{}.src.rpm", evr.version, evr.release);
    header.string(tags::SOURCE_RPM, &source);
    if let Some(label) = &spec.modularity_label {
        header.string(tags::MODULARITY_LABEL, label);
    }
    let times = spec.changelogs.iter().map(|entry| entry.time as u32);
    header.words(tags::CHANGELOG_TIME, times);
    header.strings(
        tags::CHANGELOG_NAME,
        spec.changelogs.iter().map(|entry| &entry.author),
    );
    header.strings(
        tags::CHANGELOG_TEXT,
        spec.changelogs.iter().map(|entry| &entry.text),
    );
}

fn files(header: &mut HeaderBuilder, spec: &Spec, archive: &Archive) {
    let files = &spec.files;
    let installed = files.iter().filter(|file| !file.is_ghost());
    let total: u64 = installed.map(|file| u64::from(file.size())).sum();
    header.length(tags::SIZE, tags::LONG_SIZE, total);
    if files.is_empty() {
        return;
    }
    let split = |file: &SpecFile| -> (String, String) {
        let (directory, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        (format!("{directory}/"), name.to_owned())
    };
    let mut directories: Vec<String> = files.iter().map(|file| split(file).0).collect();
    directories.sort();
    directories.dedup();
    let index = |file: &SpecFile| {
        let found = directories.binary_search(&split(file).0);
        found.expect("every directory was collected") as u32
    };
    header.words(tags::DIRECTORY_INDEXES, files.iter().map(index));
    header.strings(tags::DIRECTORY_NAMES, &directories);
    header.strings(tags::BASE_NAMES, files.iter().map(|file| split(file).1));
    header.words(tags::FILE_SIZES, files.iter().map(SpecFile::size));
    header.shorts(
        tags::FILE_MODES,
        files.iter().map(|file| file.mode_with_type() as u16),
    );
    header.shorts(tags::FILE_RDEVS, files.iter().map(|_| 0));
    header.words(
        tags::FILE_MTIMES,
        files.iter().map(|_| spec.build_time as u32),
    );
    header.strings(tags::FILE_DIGESTS, &archive.digests);
    header.words(tags::FILE_DIGEST_ALGORITHM, [SHA256]);
    header.strings(tags::FILE_LINKTOS, files.iter().map(SpecFile::target));
    header.words(tags::FILE_FLAGS, files.iter().map(|file| file.flags));
    header.strings(tags::FILE_USERS, files.iter().map(|file| &file.user));
    header.strings(tags::FILE_GROUPS, files.iter().map(|file| &file.group));
    header.words(tags::FILE_VERIFY_FLAGS, files.iter().map(|_| u32::MAX));
    header.words(tags::FILE_DEVICES, files.iter().map(|_| 1));
    header.words(tags::FILE_INODES, (0..files.len()).map(inode));
    header.strings(tags::FILE_LANGUAGES, files.iter().map(|_| ""));
    if requirements::has_capabilities(spec) {
        header.strings(
            tags::FILE_CAPABILITIES,
            files.iter().map(|file| &file.capabilities),
        );
    }
}

fn scripts(header: &mut HeaderBuilder, spec: &Spec) {
    for (name, text) in &spec.scripts {
        let (script, program, _) = requirements::script(name).expect("it was checked");
        header.string(script, text);
        header.string(program, "/bin/sh");
    }
}

fn lead(nevra: &Nevra) -> Vec<u8> {
    let mut lead = vec![0xed, 0xab, 0xee, 0xdb, 3, 0, 0, 0];
    let machine: u16 = if nevra.arch == "noarch" { 255 } else { 1 };
    lead.extend(machine.to_be_bytes());
    let name = format!("{}-{}-{}", nevra.name, nevra.evr.version, nevra.evr.release);
    // 66 bytes, the last of them a NUL; nobody reads it.
    lead.extend(name.bytes().take(65));
    lead.resize(76, 0);
    let (linux, header_signature) = (1u16, 5u16);
    lead.extend(linux.to_be_bytes());
    lead.extend(header_signature.to_be_bytes());
    lead.resize(96, 0);
    lead
}

fn signature(header: &[u8], archive: &Archive) -> Vec<u8> {
    use tags::signature as tag;
    let mut signature = HeaderBuilder::default();
    signature.string(tag::SHA1, &Hasher::of(Algorithm::Sha1, header));
    signature.string(tag::SHA256, &Hasher::of(Algorithm::Sha256, header));
    let length = header.len() as u64 + archive.compressed_length;
    signature.length(tag::SIZE, tag::LONG_SIZE, length);
    signature.length(tag::PAYLOAD_SIZE, tag::LONG_ARCHIVE_SIZE, archive.length);
    let image = signature.finish(tags::HEADER_SIGNATURES);
    image.expect("digests in hex hold no NUL byte")
}
