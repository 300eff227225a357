//! A label raster made fit to be drawn: every label in one piece, nothing touching only at a corner.

use super::raster::Raster;

/// Largest number of rounds before what is left is accepted.
const ROUNDS: usize = 40;

/// Cleans a label raster in place. Each label keeps the piece that holds its seed; corners where an
/// area would touch itself are filled, for the labels and for each coarser level, which is a table
/// from label to area.
pub fn clean(labels: &mut Raster<u32>, seeds: &[usize], levels: &[Vec<u32>]) {
    for _ in 0..ROUNDS {
        let moved = keep_seed_pieces(labels, seeds);
        let filled = fill_corners(labels, seeds, levels);
        if moved + filled == 0 {
            break;
        }
    }
}

/// Gives every cell that does not hang together with its seed by edges to a neighbouring piece.
fn keep_seed_pieces(labels: &mut Raster<u32>, seeds: &[usize]) -> usize {
    let n = labels.data.len();
    let mut kept = vec![false; n];
    let mut stack = Vec::new();
    for (k, &cell) in seeds.iter().enumerate() {
        labels.data[cell] = k as u32;
        kept[cell] = true;
        stack.push(cell);
        spread(labels, &mut kept, &mut stack);
    }
    let mut loose: Vec<usize> = (0..n).filter(|&i| !kept[i]).collect();
    let moved = loose.len();
    while !loose.is_empty() {
        let before = loose.len();
        let mut adopted = Vec::new();
        for &i in &loose {
            if let Some(l) = commonest_kept(labels, &kept, i) {
                adopted.push((i, l));
            }
        }
        for (i, l) in adopted {
            labels.data[i] = l;
            kept[i] = true;
        }
        loose.retain(|&i| !kept[i]);
        if loose.len() == before {
            break;
        }
    }
    moved
}

fn edge_neighbours<T: Copy>(r: &Raster<T>, i: usize) -> impl Iterator<Item = usize> + use<T> {
    let (x, y) = r.cell(i);
    let (w, h) = (r.width as i32, r.height as i32);
    [(1, 0), (0, 1), (-1, 0), (0, -1)]
        .into_iter()
        .map(move |(dx, dy)| (x + dx, y + dy))
        .filter(move |&(x, y)| x >= 0 && y >= 0 && x < w && y < h)
        .map(move |(x, y)| (y * w + x) as usize)
}

fn spread(labels: &Raster<u32>, kept: &mut [bool], stack: &mut Vec<usize>) {
    while let Some(i) = stack.pop() {
        for j in edge_neighbours(labels, i) {
            if !kept[j] && labels.data[j] == labels.data[i] {
                kept[j] = true;
                stack.push(j);
            }
        }
    }
}

fn commonest_kept(labels: &Raster<u32>, kept: &[bool], i: usize) -> Option<u32> {
    let around: Vec<u32> = edge_neighbours(labels, i).filter(|&j| kept[j]).map(|j| labels.data[j]).collect();
    around.iter().copied().max_by_key(|l| (around.iter().filter(|&m| m == l).count(), std::cmp::Reverse(*l)))
}

/// Fills one cell wherever, at any level, two cells of an area meet at a corner alone.
fn fill_corners(labels: &mut Raster<u32>, seeds: &[usize], levels: &[Vec<u32>]) -> usize {
    let (w, h) = (labels.width, labels.height);
    let is_seed: std::collections::HashSet<usize> = seeds.iter().copied().collect();
    let mut filled = 0;
    for y in 0..h - 1 {
        for x in 0..w - 1 {
            let cells = [y * w + x, y * w + x + 1, (y + 1) * w + x, (y + 1) * w + x + 1];
            for level in std::iter::once(None).chain(levels.iter().map(Some)) {
                let area = |i: usize| level.map_or(labels.data[i], |t| t[labels.data[i] as usize]);
                let [a, b, c, d] = cells.map(area);
                let (give, take) = if a == d && a != b && a != c {
                    ([cells[1], cells[2]], cells[0])
                } else if b == c && b != a && b != d {
                    ([cells[0], cells[3]], cells[1])
                } else {
                    continue;
                };
                if let Some(&g) = give.iter().find(|g| !is_seed.contains(g)) {
                    labels.data[g] = labels.data[take];
                    filled += 1;
                }
            }
        }
    }
    filled
}
