//! The errors of a predictor in Rice's code (RFC 9639, section 9.2.7).

use crate::bits::Bits;

/// How errors are coded: in so many parts of Rice's code, each with its own parameter (section 9.2.7).
pub(super) struct Coding {
    partition_order: u32,
    parameters: Vec<u32>,
    /// In bits.
    pub(super) cost: u64,
}

impl Coding {
    /// For a block of `count` samples, the first `order` of which have no error.
    pub(super) fn cheapest(residual: &[i32], count: usize, order: usize) -> Coding {
        let orders = (0..=MOST_PARTITIONS)
            .filter(|&partitions| count.is_multiple_of(1 << partitions) && count >> partitions > order);
        let all = orders.map(|partition_order| {
            let (mut cost, mut parameters) = (6, Vec::new());
            for part in parts(residual, count, order, partition_order) {
                let (parameter, bits) = parameter(part);
                parameters.push(parameter);
                cost += 4 + bits;
            }
            Coding { partition_order, parameters, cost }
        });
        let nothing = Coding { partition_order: 0, parameters: Vec::new(), cost: u64::MAX >> 1 };
        all.min_by_key(|coding| coding.cost).unwrap_or(nothing)
    }

    pub(super) fn write(&self, bits: &mut Bits, residual: &[i32], count: usize, order: usize) {
        bits.put(0, 2); // parameters of four bits
        bits.put(self.partition_order.into(), 4);
        for (part, &parameter) in parts(residual, count, order, self.partition_order).zip(&self.parameters) {
            bits.put(parameter.into(), 4);
            for &error in part {
                let folded = folded(error);
                bits.put_unary(folded >> parameter);
                bits.put(u64::from(folded) & ((1 << parameter) - 1), parameter);
            }
        }
    }
}

const MOST_PARTITIONS: u32 = 6;
/// 15 stands for something else.
const MOST_PARAMETER: u32 = 14;

/// The errors in parts of equally many samples; the first ones of the first part are no errors.
fn parts(residual: &[i32], count: usize, order: usize, partition_order: u32) -> impl Iterator<Item = &[i32]> {
    let each = count >> partition_order;
    let (first, rest) = residual.split_at(each.saturating_sub(order).min(residual.len()));
    std::iter::once(first).chain(rest.chunks(each.max(1)))
}

/// The parameter under which a part takes the fewest bits, of those around what its mean suggests.
fn parameter(part: &[i32]) -> (u32, u64) {
    let sum: u64 = part.iter().map(|&error| u64::from(folded(error))).sum();
    let guess = (sum / part.len().max(1) as u64).max(1).ilog2();
    let around = guess.saturating_sub(1).min(MOST_PARAMETER)..=(guess + 1).min(MOST_PARAMETER);
    let cost = |parameter: u32| -> u64 {
        part.iter().map(|&error| u64::from(folded(error) >> parameter) + 1 + u64::from(parameter)).sum()
    };
    around.map(|parameter| (parameter, cost(parameter))).min_by_key(|&(_, bits)| bits).unwrap_or((0, 0))
}

/// 0, -1, 1, -2, 2 and so on as 0, 1, 2, 3, 4.
const fn folded(error: i32) -> u32 {
    ((error << 1) ^ (error >> 31)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_parameter_that_costs_the_least() {
        for part in [&[0, 0, 0, 0][..], &[-1, 1, 0, -2], &[100, -100, 90], &[7; 50], &[-30_000]] {
            let cost = |parameter: u32| -> u64 {
                part.iter()
                    .map(|&error| u64::from(folded(error) >> parameter) + 1 + u64::from(parameter))
                    .sum()
            };
            let (found, bits) = parameter(part);
            assert_eq!(bits, cost(found));
            assert_eq!(Some(bits), (0..=MOST_PARAMETER).map(cost).min(), "{part:?}");
        }
    }

    #[test]
    fn every_sample_is_in_one_part() {
        let residual: Vec<i32> = (2..64).collect();
        for partition_order in 0..=4 {
            let parts: Vec<&[i32]> = parts(&residual, 64, 2, partition_order).collect();
            assert_eq!(parts.len(), 1 << partition_order);
            assert_eq!(parts.concat(), residual);
            assert_eq!(parts[0].len(), (64 >> partition_order) - 2);
        }
    }
}
