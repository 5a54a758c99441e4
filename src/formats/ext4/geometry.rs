//! Where groups have their tables, and which blocks are next.

use super::BLOCK;
use super::inode::SIZE as INODE;

/// Blocks of a group: as many as one block of a bitmap counts.
pub const GROUP: u64 = BLOCK * 8;
/// Bytes of a group's descriptor.
pub const DESCRIPTOR: u64 = 64;

/// As many inodes as mke2fs gives a group: one for 16 KiB.
const USUAL_INODES: u32 = 8192;
/// A last group with fewer blocks for data than these is not worth its tables.
const LEAST: u64 = 64;

#[derive(Debug, Clone, Copy)]
pub struct Geometry {
    /// Blocks of the file system.
    pub blocks: u64,
    pub groups: u64,
    pub inodes_per_group: u32,
}

/// A stretch of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub start: u64,
    pub count: u64,
}

impl Geometry {
    /// For so many blocks, or a few less, and so many inodes.
    ///
    /// Or else, how many blocks there would have to be: a group counts its inodes in one block, too.
    pub fn new(blocks: u64, inodes: u32) -> Result<Self, u64> {
        let groups = blocks.div_ceil(GROUP).max(1);
        let mut geometry = Geometry::of(groups, blocks, inodes);
        let last = groups - 1;
        if last > 0 && blocks < geometry.data(last) + LEAST {
            geometry = Geometry::of(last, geometry.first(last), inodes);
        }
        match u64::from(geometry.inodes_per_group) <= GROUP {
            true => Ok(geometry),
            false => Err(u64::from(inodes).div_ceil(GROUP) * GROUP),
        }
    }

    fn of(groups: u64, blocks: u64, inodes: u32) -> Self {
        let needed = u64::from(inodes).div_ceil(groups);
        let needed = needed.next_multiple_of(BLOCK / u64::from(INODE));
        Geometry {
            blocks,
            groups,
            inodes_per_group: USUAL_INODES.max(needed as u32),
        }
    }

    pub fn first(&self, group: u64) -> u64 {
        group * GROUP
    }

    /// The block behind the last of a group.
    pub fn end(&self, group: u64) -> u64 {
        (self.first(group) + GROUP).min(self.blocks.max(self.first(group)))
    }

    /// Whether a group has a superblock, and the descriptors behind it.
    pub fn has_superblock(group: u64) -> bool {
        let power = |of: u64| {
            let mut power = of;
            while power < group {
                power *= of;
            }
            power == group
        };
        group <= 1 || [3, 5, 7].into_iter().any(power)
    }

    /// Blocks of all descriptors.
    pub fn descriptors(&self) -> u64 {
        (self.groups * DESCRIPTOR).div_ceil(BLOCK)
    }

    pub fn block_bitmap(&self, group: u64) -> u64 {
        let copies = match Self::has_superblock(group) {
            true => 1 + self.descriptors(),
            false => 0,
        };
        self.first(group) + copies
    }

    pub fn inode_bitmap(&self, group: u64) -> u64 {
        self.block_bitmap(group) + 1
    }

    pub fn table(&self, group: u64) -> u64 {
        self.block_bitmap(group) + 2
    }

    /// The first block for data.
    pub fn data(&self, group: u64) -> u64 {
        let table = u64::from(self.inodes_per_group) * u64::from(INODE);
        self.table(group) + table.div_ceil(BLOCK)
    }

    pub fn inodes(&self) -> u32 {
        self.inodes_per_group * self.groups as u32
    }
}

/// Gives blocks away, one after the other, and goes on behind the last one: who asks in the end knows what was missing.
#[derive(Debug)]
pub struct Allocator {
    pub geometry: Geometry,
    /// All blocks before this one are taken.
    pub next: u64,
}

impl Allocator {
    pub fn new(geometry: Geometry) -> Self {
        Allocator { geometry, next: 0 }
    }

    pub fn take(&mut self, mut count: u64) -> Vec<Extent> {
        let mut extents = Vec::new();
        while count > 0 {
            let group = self.next / GROUP;
            self.next = self.next.max(self.geometry.data(group));
            let end = self.geometry.first(group) + GROUP;
            let taken = count.min(end - self.next);
            if taken > 0 {
                let start = self.next;
                extents.push(Extent {
                    start,
                    count: taken,
                });
            }
            self.next += taken;
            count -= taken;
        }
        extents
    }

    /// Blocks of a group that are taken, from its first on; the rest is free.
    pub fn taken(&self, group: u64) -> u64 {
        let first = self.geometry.first(group);
        let data = self.geometry.data(group);
        self.next.clamp(data, self.geometry.end(group)) - first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_the_superblock_are_in_powers_of_three_five_and_seven() {
        let with: Vec<u64> = (0..130).filter(|&g| Geometry::has_superblock(g)).collect();
        assert_eq!(with, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
    }

    #[test]
    fn a_group_that_is_left_out_leaves_its_inodes_to_the_others() {
        let geometry = Geometry::new(2 * GROUP + 100, 20_000).unwrap();
        assert_eq!(geometry.groups, 2);
        assert!(geometry.inodes() >= 20_000);
        assert_eq!(Geometry::new(2 * GROUP, 65_536).unwrap().inodes(), 65_536);
        assert_eq!(Geometry::new(2 * GROUP, 65_537).unwrap_err(), 3 * GROUP);
    }

    #[test]
    fn what_is_taken_leaves_the_tables_of_groups_alone() {
        let geometry = Geometry::new(3 * GROUP, 100).unwrap();
        let mut allocator = Allocator::new(geometry);
        let extents = allocator.take(2 * GROUP);
        assert_eq!(extents.iter().map(|e| e.count).sum::<u64>(), 2 * GROUP);
        for (group, extent) in extents.iter().enumerate() {
            assert_eq!(extent.start, geometry.data(group as u64));
        }
    }
}
