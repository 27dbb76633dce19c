//! Draws that a seed fixes: the same sheets on every machine.

/// A stream of draws (SplitMix64).
pub(super) struct Draw(u64);

impl Draw {
    /// The draws of a seed.
    pub(super) fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        let drawn = self.bits() % (u64::from(high.saturating_sub(low)) + 1);
        low + u32::try_from(drawn).unwrap_or(0)
    }

    /// True in so many of a hundred draws, on average.
    pub(super) fn percent(&mut self, of_a_hundred: u32) -> bool {
        self.between(1, 100) <= of_a_hundred
    }

    /// One of several.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let last = u32::try_from(from.len() - 1).unwrap_or(0);
        from[self.between(0, last) as usize]
    }

    /// So many of several, each once, in any order; all where there are no more.
    pub(super) fn some<T: Copy>(&mut self, many: u32, from: &[T]) -> Vec<T> {
        let mut left = from.to_vec();
        let mut drawn = Vec::new();
        while drawn.len() < many as usize && !left.is_empty() {
            let last = u32::try_from(left.len() - 1).unwrap_or(0);
            drawn.push(left.swap_remove(self.between(0, last) as usize));
        }
        drawn
    }
}
