//! Tables: columns as wide as their widest cell.

use super::paint::{Paint, width};

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table with a heading.
#[derive(Debug)]
pub(super) struct Grid {
    edges: Vec<Edge>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// Its columns: `<NAME` for words, `>NAME` for numbers.
    pub(super) fn new(columns: &[&str], paint: Paint) -> Self {
        let edge = |column: &&str| if column.starts_with('>') { Edge::Right } else { Edge::Left };
        let head = |column: &&str| paint.bold(column.trim_start_matches(['<', '>']));
        Self { edges: columns.iter().map(edge).collect(), rows: vec![columns.iter().map(head).collect()] }
    }

    /// Appends a row.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// As text, a line a row.
    pub(super) fn text(&self) -> String {
        let mut widths = vec![0; self.edges.len()];
        for row in &self.rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = width(cell).max(*most);
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, ((cell, most), edge)) in row.iter().zip(&widths).zip(&self.edges).enumerate() {
                let pad = " ".repeat(most - width(cell));
                if column > 0 {
                    line.push_str("  ");
                }
                line.push_str(&match edge {
                    Edge::Left => format!("{cell}{pad}"),
                    Edge::Right => format!("{pad}{cell}"),
                });
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// A number in groups of three digits.
pub(super) fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::{Grid, Paint, grouped};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_colours_aside() {
        let mut grid = Grid::new(&["<A", ">B", "<C"], Paint::default());
        grid.row([Paint(true).red("four"), "1".to_owned(), "x".to_owned()]);
        grid.row([String::new(), "12".to_owned(), String::new()]);
        assert_eq!(grid.text(), "A      B  C\n\u{1b}[1;31mfour\u{1b}[0m   1  x\n      12\n");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, -1_234_567].map(grouped), ["0", "999", "1,000", "-1,234,567"]);
    }
}
