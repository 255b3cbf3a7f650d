//! The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded with one word as in torch.

const N: usize = 624;
const M: usize = 397;

/// The engine of torch's CPU generator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    pub(super) fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for j in 1..N {
            let previous = state[j - 1] ^ (state[j - 1] >> 30);
            state[j] = previous.wrapping_mul(1_812_433_253).wrapping_add(j as u32);
        }
        Self { state, next: N }
    }

    pub(super) fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for j in 0..N {
            let (u, v) = (self.state[j], self.state[(j + 1) % N]);
            let mixed = ((u & 0x8000_0000) | (v & 0x7fff_ffff)) >> 1;
            let matrix = if v & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[j] = self.state[(j + M) % N] ^ mixed ^ matrix;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_thousandth_number_is_that_of_the_cpp_standard() {
        // [rand.predef] of the C++ standard: mt19937, default seed 5489.
        let mut engine = Mt19937::new(5489);
        let last = (0..10_000).map(|_| engine.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
