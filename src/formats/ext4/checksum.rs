//! CRC-32C as ext4 has it: from a seed, and without the inversion at the end.

use crc::{Algorithm, Crc, Table};

const RAW: Algorithm<u32> = Algorithm {
    xorout: 0,
    residue: 0,
    ..crc::CRC_32_ISCSI
};

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&RAW);

/// Where sums that nothing comes before begin.
pub const START: u32 = !0;

/// The sum of bytes, going on from another one.
pub fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    // The library takes its seed unreflected.
    let mut digest = CRC.digest_with_initial(seed.reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_goes_on_where_another_ended() {
        let whole = crc32c(START, b"123456789");
        // The check value of CRC-32C, without its last inversion.
        assert_eq!(whole, !0xe306_9283);
        assert_eq!(crc32c(crc32c(START, b"1234"), b"56789"), whole);
    }
}
