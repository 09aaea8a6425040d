//! Charts as SVG, for pages that have light and dark colours.

use std::fmt::Write as _;
use std::ops::Range;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::markup::Text;

/// Size in pixels of the drawing, which pages scale.
const SIZE: (u32, u32) = (720, 280);

/// The colours of pages and drawings, light and dark, as CSS variables.
pub(crate) const COLOURS: &str = include_str!("chart.css");

/// Series of which each has a colour of its own.
const SERIES: u8 = 8;

/// Height of the titles and the legend above a drawing that stands alone.
const HEAD: u32 = 80;

/// A logarithmic axis has labels at powers of 10 only: with fewer of them nobody could read it.
const DECADES: f64 = 50.0;

/// What is drawn in these colours is given those of the page.
const TEXT: RGBColor = RGBColor(9, 9, 9);
const MESH: RGBColor = RGBColor(8, 8, 8);

/// A chart.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// What it shows.
    pub(crate) title: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Lines { x: (String, Axis), y: (String, Axis), series: Vec<(String, Vec<(f64, f64)>)> },
    Bars { groups: Vec<String>, series: Vec<(String, Vec<f64>)> },
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Linear,
    /// For values above 0; linear where they are within [`DECADES`].
    Logarithmic,
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Chart {
    /// A line for each of at most eight series. Axes have a label.
    pub(crate) fn lines(
        title: &str,
        (x, x_axis): (&str, Axis),
        (y, y_axis): (&str, Axis),
        series: Vec<(String, Vec<(f64, f64)>)>,
    ) -> Self {
        let (x, y) = ((x.to_owned(), x_axis), (y.to_owned(), y_axis));
        Self { title: title.to_owned(), kind: Kind::Lines { x, y, series } }
    }

    /// Groups of bars, in each of them one of each of at most eight series.
    pub(crate) fn bars(title: &str, groups: Vec<String>, series: Vec<(String, Vec<f64>)>) -> Self {
        Self { title: title.to_owned(), kind: Kind::Bars { groups, series } }
    }

    /// The names of the series; each has the colour `--series-N` of the page, from 1.
    pub(crate) fn names(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Lines { series, .. } => series.iter().map(|(name, _)| name.as_str()).collect(),
            Kind::Bars { series, .. } => series.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    /// The drawing, whose colours are the variables `--series-N`, `--text` and `--mesh` of the page. Empty if it can't be drawn: what it shows
    /// stands in a table as well.
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        let drawn = {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            let drawn = match &self.kind {
                Kind::Lines { x, y, series } => lines(&root, x, y, series),
                Kind::Bars { groups, series } => bars(&root, groups, series),
            };
            drawn.and_then(|()| root.present())
        };
        if drawn.is_err() {
            return String::new();
        }
        with_colours_of_the_page(&svg)
    }
}

impl Chart {
    /// The drawing as a file of its own, with titles, legend and colours. `about` is the title of all charts that it is one of.
    pub(crate) fn file(&self, about: &str) -> String {
        let (width, height) = (SIZE.0, SIZE.1 + HEAD);
        let mut file = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n<style>\n{COLOURS}</style>\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"var(--card)\"/>\n\
             <text x=\"16\" y=\"24\" font-size=\"15\" font-weight=\"600\" fill=\"var(--text)\">{}</text>\n\
             <text x=\"16\" y=\"44\" font-size=\"13\" fill=\"var(--faint)\">{}</text>\n",
            Text(&self.title),
            Text(about)
        );
        let mut x = 16;
        for (place, name) in self.names().into_iter().enumerate() {
            let series = place % usize::from(SERIES) + 1;
            let _ = writeln!(
                file,
                "<rect x=\"{x}\" y=\"61\" width=\"18\" height=\"4\" fill=\"var(--series-{series})\"/>\
                 <text x=\"{}\" y=\"68\" font-size=\"13\" fill=\"var(--text)\">{}</text>",
                x + 24,
                Text(name)
            );
            // As wide as letters mostly are: nothing here knows the font.
            x += 44 + 8 * name.chars().count();
        }
        let drawing = self.svg();
        let inner = drawing.replacen(
            "<svg ",
            &format!("<svg y=\"{HEAD}\" width=\"{width}\" height=\"{}\" ", SIZE.1),
            1,
        );
        file + &inner + "</svg>\n"
    }
}

fn with_colours_of_the_page(svg: &str) -> String {
    let hex = |colour: RGBColor| format!("\"#{:02X}{:02X}{:02X}\"", colour.0, colour.1, colour.2);
    let mut svg = svg.replace(&hex(TEXT), "\"var(--text)\"").replace(&hex(MESH), "\"var(--mesh)\"");
    for number in 0..SERIES {
        svg = svg.replace(&hex(colour(number.into())), &format!("\"var(--series-{})\"", number + 1));
    }
    // The page says how large it is.
    let size = format!("width=\"{}\" height=\"{}\" viewBox", SIZE.0, SIZE.1);
    svg.replacen(&size, "viewBox", 1)
}

fn colour(number: usize) -> RGBColor {
    RGBColor(number as u8 % SERIES + 1, 0, 0)
}

fn lines<'a>(
    root: &Area<'a>,
    x: &(String, Axis),
    y: &(String, Axis),
    series: &[(String, Vec<(f64, f64)>)],
) -> Drawn<'a> {
    let points = || series.iter().flat_map(|(_, points)| points);
    let (across, x_axis) = range(points().map(|point| point.0), x.1);
    let (up, y_axis) = range(points().map(|point| point.1), y.1);
    let labels = (x.0.as_str(), y.0.as_str());
    match (x_axis, y_axis) {
        (Axis::Linear, Axis::Linear) => curves(root, across, up, labels, series),
        (Axis::Linear, Axis::Logarithmic) => curves(root, across, up.log_scale(), labels, series),
        (Axis::Logarithmic, Axis::Linear) => curves(root, across.log_scale(), up, labels, series),
        (Axis::Logarithmic, Axis::Logarithmic) => {
            curves(root, across.log_scale(), up.log_scale(), labels, series)
        }
    }
}

/// From the least to the greatest value; from 0 on a linear axis, which it is where a logarithmic one would be no use.
fn range(values: impl Iterator<Item = f64>, axis: Axis) -> (Range<f64>, Axis) {
    let (least, most) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, 0.0_f64), |range, value| (range.0.min(value), range.1.max(value)));
    if axis == Axis::Logarithmic && least > 0.0 && most / least >= DECADES {
        return (least * 0.9..most * 1.1, Axis::Logarithmic);
    }
    (0.0..(most * 1.05).max(f64::MIN_POSITIVE), Axis::Linear)
}

fn curves<'a, X, Y>(
    root: &Area<'a>,
    across: X,
    up: Y,
    labels: (&str, &str),
    series: &[(String, Vec<(f64, f64)>)],
) -> Drawn<'a>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(across, up)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(MESH)
        .axis_style(MESH)
        .label_style(("sans-serif", 13, &TEXT))
        .axis_desc_style(("sans-serif", 13, &TEXT))
        .x_desc(labels.0)
        .y_desc(labels.1)
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    // The first one is what it is about: on top and thicker.
    for (number, (_, points)) in series.iter().enumerate().rev() {
        let style = colour(number).stroke_width(if number == 0 { 3 } else { 2 });
        chart.draw_series(LineSeries::new(points.iter().copied(), style))?;
    }
    Ok(())
}

fn bars<'a>(root: &Area<'a>, groups: &[String], series: &[(String, Vec<f64>)]) -> Drawn<'a> {
    let (up, _) = range(series.iter().flat_map(|(_, values)| values.iter().copied()), Axis::Linear);
    let across: RangedCoordf64 = (0.0..groups.len() as f64).into();
    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(across, up)?;
    let name = |place: f64| groups.get(place as usize).cloned().unwrap_or_default();
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(MESH)
        .axis_style(MESH)
        .label_style(("sans-serif", 13, &TEXT))
        .x_labels(groups.len() + 1)
        .x_label_offset(720 / (2 * groups.len().max(1)) as i32)
        .y_labels(6)
        .x_label_formatter(&|place| name(*place))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    let width = 0.8 / series.len().max(1) as f64;
    for (number, (_, values)) in series.iter().enumerate() {
        let left = 0.1 + number as f64 * width;
        chart.draw_series(values.iter().enumerate().map(|(group, value)| {
            let left = group as f64 + left;
            Rectangle::new([(left, 0.0), (left + width * 0.9, *value)], colour(number).filled())
        }))?;
    }
    Ok(())
}

/// A number as short as it can be told.
fn short(value: f64) -> String {
    let text = if value > 0.0 && value < 0.01 { format!("{value:.5}") } else { format!("{value:.2}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_have_the_colours_of_the_page_and_no_other() {
        let points = |factor: f64| [1.0, 7.0, 80.0].map(|x| (x, x * factor)).to_vec();
        let series = || vec![("a".to_owned(), points(1.0)), ("b".to_owned(), points(2.0))];
        for (x, y) in [(Axis::Linear, Axis::Linear), (Axis::Logarithmic, Axis::Logarithmic)] {
            let svg = Chart::lines("t", ("x", x), ("y", y), series()).svg();
            assert!(svg.contains("var(--series-1)") && svg.contains("var(--series-2)"), "{svg}");
            assert!(!svg.contains("\"#") && svg.contains("viewBox") && svg.len() < 20_000, "{svg}");
        }
        let bars = Chart::bars("t", vec!["b1".into(), "b2".into()], vec![("a".into(), vec![1.0, 2.0])]).svg();
        assert!(bars.contains("var(--series-1)") && bars.contains("b2") && !bars.contains("\"#"), "{bars}");
    }

    #[test]
    fn a_file_has_its_title_legend_and_colours() {
        let series = vec![("<a>".to_owned(), vec![(0.0, 1.0), (1.0, 2.0)])];
        let file = Chart::lines("1 < 2", ("x", Axis::Linear), ("y", Axis::Linear), series).file("A & B");
        assert!(
            file.contains("1 &lt; 2")
                && file.contains("A &amp; B")
                && file.contains("&lt;a&gt;")
                && file.contains("--series-1: #"),
            "{file}"
        );
        assert_eq!((file.matches("<svg ").count(), file.matches("</svg>").count()), (2, 2), "{file}");
    }

    #[test]
    fn nothing_to_draw_is_no_fault() {
        assert!(
            !Chart::lines("t", ("x", Axis::Linear), ("y", Axis::Logarithmic), Vec::new())
                .svg()
                .contains("NaN")
        );
        assert!(!Chart::bars("t", Vec::new(), Vec::new()).svg().contains("NaN"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 2.5, 100.0, 0.05, 0.001].map(short), ["0", "2.5", "100", "0.05", "0.001"]);
    }
}
