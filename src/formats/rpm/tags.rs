//! Numbers of the tags that are read and written here.
//!
//! From rpm, `include/rpm/rpmtag.h`; the older names of some of them are in the comments.

/// The region that covers a whole main header; older packages have `HEADER_IMAGE`, the oldest none.
pub const HEADER_IMMUTABLE: u32 = 63;
pub const HEADER_SIGNATURES: u32 = 62;
pub const HEADER_IMAGE: u32 = 61;
/// Names of the languages that the strings of type I18NSTRING come in.
pub const I18N_TABLE: u32 = 100;

/// Tags of the signature header.
pub mod signature {
    /// Signatures over the header, each one packet.
    pub const DSA: u32 = 267;
    pub const RSA: u32 = 268;
    /// Signatures over the header as base64, any number of them: rpm 6.
    pub const OPENPGP: u32 = 278;
    pub const SHA3_256: u32 = 279;
    pub const SHA1: u32 = 269;
    pub const LONG_SIZE: u32 = 270;
    pub const LONG_ARCHIVE_SIZE: u32 = 271;
    pub const SHA256: u32 = 273;
    pub const SIZE: u32 = 1000;
    /// Signatures over header and payload.
    pub const PGP: u32 = 1002;
    pub const GPG: u32 = 1005;
    pub const MD5: u32 = 1004;
    pub const PAYLOAD_SIZE: u32 = 1007;
}

pub const NAME: u32 = 1000;
pub const VERSION: u32 = 1001;
pub const RELEASE: u32 = 1002;
pub const EPOCH: u32 = 1003;
pub const SUMMARY: u32 = 1004;
pub const DESCRIPTION: u32 = 1005;
pub const BUILD_TIME: u32 = 1006;
pub const BUILD_HOST: u32 = 1007;
pub const SIZE: u32 = 1009;
pub const VENDOR: u32 = 1011;
pub const LICENSE: u32 = 1014;
pub const PACKAGER: u32 = 1015;
pub const GROUP: u32 = 1016;
pub const URL: u32 = 1020;
pub const OS: u32 = 1021;
pub const ARCH: u32 = 1022;
pub const PRE: u32 = 1023;
pub const POST: u32 = 1024;
pub const PREUN: u32 = 1025;
pub const POSTUN: u32 = 1026;
pub const OLD_FILE_NAMES: u32 = 1027;
pub const FILE_SIZES: u32 = 1028;
pub const FILE_MODES: u32 = 1030;
pub const FILE_RDEVS: u32 = 1033;
pub const FILE_MTIMES: u32 = 1034;
/// Once FILEMD5S.
pub const FILE_DIGESTS: u32 = 1035;
pub const FILE_LINKTOS: u32 = 1036;
pub const FILE_FLAGS: u32 = 1037;
pub const FILE_USERS: u32 = 1039;
pub const FILE_GROUPS: u32 = 1040;
pub const SOURCE_RPM: u32 = 1044;
pub const FILE_VERIFY_FLAGS: u32 = 1045;
pub const ARCHIVE_SIZE: u32 = 1046;
pub const PROVIDE_NAME: u32 = 1047;
pub const REQUIRE_FLAGS: u32 = 1048;
pub const REQUIRE_NAME: u32 = 1049;
pub const REQUIRE_VERSION: u32 = 1050;
pub const NO_SOURCE: u32 = 1051;
pub const NO_PATCH: u32 = 1052;
pub const CONFLICT_FLAGS: u32 = 1053;
pub const CONFLICT_NAME: u32 = 1054;
pub const CONFLICT_VERSION: u32 = 1055;
pub const RPM_VERSION: u32 = 1064;
pub const TRIGGER_SCRIPTS: u32 = 1065;
pub const VERIFY: u32 = 1079;
pub const CHANGELOG_TIME: u32 = 1080;
pub const CHANGELOG_NAME: u32 = 1081;
pub const CHANGELOG_TEXT: u32 = 1082;
pub const PRE_PROGRAM: u32 = 1085;
pub const POST_PROGRAM: u32 = 1086;
pub const PREUN_PROGRAM: u32 = 1087;
pub const POSTUN_PROGRAM: u32 = 1088;
pub const OBSOLETE_NAME: u32 = 1090;
pub const VERIFY_PROGRAM: u32 = 1091;
pub const TRIGGER_PROGRAM: u32 = 1092;
pub const FILE_DEVICES: u32 = 1095;
pub const FILE_INODES: u32 = 1096;
pub const FILE_LANGUAGES: u32 = 1097;
pub const SOURCE_PACKAGE: u32 = 1106;
pub const PROVIDE_FLAGS: u32 = 1112;
pub const PROVIDE_VERSION: u32 = 1113;
pub const OBSOLETE_FLAGS: u32 = 1114;
pub const OBSOLETE_VERSION: u32 = 1115;
pub const DIRECTORY_INDEXES: u32 = 1116;
pub const BASE_NAMES: u32 = 1117;
pub const DIRECTORY_NAMES: u32 = 1118;
pub const PAYLOAD_FORMAT: u32 = 1124;
pub const PAYLOAD_COMPRESSOR: u32 = 1125;
pub const PAYLOAD_FLAGS: u32 = 1126;
pub const PLATFORM: u32 = 1132;
pub const FILE_COLORS: u32 = 1140;
pub const PRETRANS: u32 = 1151;
pub const POSTTRANS: u32 = 1152;
pub const PRETRANS_PROGRAM: u32 = 1153;
pub const POSTTRANS_PROGRAM: u32 = 1154;
pub const LONG_FILE_SIZES: u32 = 5008;
pub const LONG_SIZE: u32 = 5009;
pub const FILE_CAPABILITIES: u32 = 5010;
pub const FILE_DIGEST_ALGORITHM: u32 = 5011;
pub const RECOMMEND_NAME: u32 = 5046;
pub const RECOMMEND_VERSION: u32 = 5047;
pub const RECOMMEND_FLAGS: u32 = 5048;
pub const SUGGEST_NAME: u32 = 5049;
pub const SUGGEST_VERSION: u32 = 5050;
pub const SUGGEST_FLAGS: u32 = 5051;
pub const SUPPLEMENT_NAME: u32 = 5052;
pub const SUPPLEMENT_VERSION: u32 = 5053;
pub const SUPPLEMENT_FLAGS: u32 = 5054;
pub const ENHANCE_NAME: u32 = 5055;
pub const ENHANCE_VERSION: u32 = 5056;
pub const ENHANCE_FLAGS: u32 = 5057;
pub const ENCODING: u32 = 5062;
pub const FILE_TRIGGER_SCRIPTS: u32 = 5066;
pub const FILE_TRIGGER_PROGRAM: u32 = 5067;
pub const TRANSACTION_FILE_TRIGGER_SCRIPTS: u32 = 5076;
pub const TRANSACTION_FILE_TRIGGER_PROGRAM: u32 = 5077;
/// Of the payload as it lies in the file; PAYLOADSHA256 since rpm 6.
pub const PAYLOAD_DIGEST: u32 = 5092;
pub const PAYLOAD_DIGEST_ALGORITHM: u32 = 5093;
pub const MODULARITY_LABEL: u32 = 5096;
/// Of the payload after decompression; PAYLOADSHA256ALT since rpm 6.
pub const PAYLOAD_DIGEST_ALT: u32 = 5097;
pub const PREUNTRANS: u32 = 5104;
pub const POSTUNTRANS: u32 = 5105;
pub const PREUNTRANS_PROGRAM: u32 = 5106;
pub const POSTUNTRANS_PROGRAM: u32 = 5107;
pub const PAYLOAD_SIZE: u32 = 5112;
pub const PAYLOAD_SIZE_ALT: u32 = 5113;
pub const RPM_FORMAT: u32 = 5114;
pub const PAYLOAD_SHA512: u32 = 5121;
pub const PAYLOAD_SHA512_ALT: u32 = 5122;
pub const PAYLOAD_SHA3_256: u32 = 5123;
pub const PAYLOAD_SHA3_256_ALT: u32 = 5124;

/// Weak dependencies of packages built before rpm 4.12, as SUSE numbered them (`RPMTAG_OLDSUGGESTS…`).
pub mod former {
    pub const SUGGEST_NAME: u32 = 1156;
    pub const SUGGEST_VERSION: u32 = 1157;
    pub const SUGGEST_FLAGS: u32 = 1158;
    pub const ENHANCE_NAME: u32 = 1159;
    pub const ENHANCE_VERSION: u32 = 1160;
    pub const ENHANCE_FLAGS: u32 = 1161;
}
