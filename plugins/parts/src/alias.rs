//! Weighted draws in constant time: the alias method (Walker 1977, in Vose's form of 1991), in whole numbers.

/// A table with one column per item. A draw takes a column, and in it either the item that it is of or the one that fills it up.
#[derive(Debug)]
pub(crate) struct Alias {
    /// Up to which of 2³² a column is its own item's, and whose it is beyond.
    columns: Vec<(u32, u32)>,
}

impl Alias {
    /// Draws in proportion to the weights of these, which each have one beside them, and of which one is more than 0. `None` where all are the
    /// same: then any draw will do.
    pub(crate) fn new<T>(items: &[(T, u32)]) -> Option<Self> {
        let (mut total, mut are_same) = (0, true);
        for (_, weight) in items {
            total += u64::from(*weight);
            are_same &= *weight == items[0].1;
        }
        if are_same {
            return None;
        }
        let shift = 33_u32.saturating_sub(total.leading_zeros());
        // What each column holds of its own item, in parts of which `total` fill a column.
        let (mut shares, mut columns) = (Vec::new(), Vec::new());
        let (mut small, mut large) = (Vec::new(), Vec::new());
        for (item, (_, weight)) in items.iter().enumerate() {
            let share = u64::from(*weight) * items.len() as u64;
            shares.push(share);
            columns.push((u32::MAX, item as u32));
            let side = if share < total { &mut small } else { &mut large };
            side.push(item);
        }
        while let (Some(item), Some(&donor)) = (small.pop(), large.last()) {
            // Less than a whole, so that the fraction fits; what is shifted out is less than one in 2³¹.
            columns[item] = ((((shares[item] >> shift) << 32) / (total >> shift)) as u32, donor as u32);
            shares[donor] -= total - shares[item];
            if shares[donor] < total {
                large.pop();
                small.push(donor);
            }
        }
        Some(Self { columns })
    }

    /// The item of these random bits.
    pub(crate) fn draw(&self, bits: u64) -> usize {
        let column = (((bits >> 32) * self.columns.len() as u64) >> 32) as usize;
        let (own, alias) = self.columns[column];
        if (bits as u32) < own { column } else { alias as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(weights: &[u32]) -> Option<Alias> {
        let items: Vec<((), u32)> = weights.iter().map(|weight| ((), *weight)).collect();
        Alias::new(&items)
    }

    /// The share of 2³² draws that each item gets, column by column.
    fn shares(weights: &[u32]) -> Vec<f64> {
        let table = table(weights).expect("the weights differ");
        let mut shares = vec![0.0; weights.len()];
        for (column, (own, alias)) in table.columns.iter().enumerate() {
            let own = if *own == u32::MAX { 1.0 } else { f64::from(*own) / 2_f64.powi(32) };
            shares[column] += own / weights.len() as f64;
            shares[*alias as usize] += (1.0 - own) / weights.len() as f64;
        }
        shares
    }

    #[test]
    fn shares_are_those_of_the_weights() {
        let mut mixed = 7_u32;
        let mut random = || {
            mixed = mixed.wrapping_mul(0x9e37_79b9).wrapping_add(12_345);
            mixed >> 12
        };
        let cases: [Vec<u32>; 6] = [
            vec![1, 2],
            vec![1_000, 0],
            vec![0, 5, 0, 1],
            vec![u32::MAX, 1, u32::MAX],
            (1..=1_000).collect(),
            (0..5_000).map(|_| random()).collect(),
        ];
        for weights in cases {
            let total: f64 = weights.iter().copied().map(f64::from).sum();
            for (item, share) in shares(&weights).into_iter().enumerate() {
                let expected = f64::from(weights[item]) / total;
                assert!((share - expected).abs() < 1e-9, "{share} instead of {expected} of {weights:?}");
            }
        }
    }

    #[test]
    fn a_draw_is_of_what_has_a_weight() {
        let table = table(&[0, 3, 0]).expect("the weights differ");
        for bits in [0, 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX, u64::MAX - 1, 0x5555_5555_ffff_fffe] {
            assert_eq!(table.draw(bits), 1, "{bits:x}");
        }
    }

    #[test]
    fn equal_weights_need_no_table() {
        assert!(table(&[]).is_none() && table(&[5]).is_none() && table(&[5, 5, 5]).is_none());
    }
}
