//! The ratios as a picture, for light and for dark pages.
//!
//! Without `plotters`: it writes colours into each shape, so a picture can't follow the page's, and would bring a dozen crates for some
//! rectangles with error bars.

use std::fmt::Write as _;

use super::report::{Report, ScenarioReport};
use super::statistics::Ratio;

const WIDTH: f64 = 760.0;
/// Where the bars begin.
const LEFT: f64 = 190.0;
/// Where the longest may end.
const RIGHT: f64 = 640.0;
const TOP: f64 = 62.0;
const BAR: f64 = 15.0;
/// Between two scenarios.
const GAP: f64 = 14.0;

/// One bar.
struct Bar {
    class: &'static str,
    ratio: Ratio,
}

/// Draws CPU time per request in relation to the first contender; `None` if there is nothing to compare.
pub(crate) fn draw(report: &Report) -> Option<String> {
    let mut groups: Vec<(&ScenarioReport, Vec<Bar>)> = report
        .scenarios
        .iter()
        .map(|scenario| (scenario, bars(scenario)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let base = groups.first()?.0.contenders.first()?.name;
    // One in which that contender has no part has another base.
    groups.retain(|(scenario, _)| scenario.contenders.first().is_some_and(|first| first.name == base));
    let longest = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.ratio.high).fold(1.2, f64::max);
    let scale = Scale { end: (longest * 5.0).ceil() / 5.0 };
    let rows: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let bottom = TOP + rows as f64 * (BAR + 2.0) + groups.len() as f64 * GAP;

    let mut svg = head(bottom + 58.0, base);
    grid(&mut svg, scale, bottom);
    let mut y = TOP + GAP / 2.0;
    for (scenario, bars) in &groups {
        let middle = y + bars.len() as f64 * (BAR + 2.0) / 2.0 + 4.0;
        text(&mut svg, LEFT - 10.0, middle, "label end", scenario.name);
        for bar in bars {
            draw_bar(&mut svg, scale, y, bar);
            y += BAR + 2.0;
        }
        y += GAP;
    }
    let one = scale.x(1.0);
    line(&mut svg, "one", (one, TOP - 4.0), (one, bottom));
    legend(&mut svg, base);
    let axis =
        format!("CPU time per request in relation to {base}; shorter is better; thin lines: 95 % confidence");
    text(&mut svg, f64::midpoint(LEFT, RIGHT), bottom + 36.0, "axis middle", &axis);
    svg.push_str("</svg>\n");
    Some(svg)
}

#[derive(Clone, Copy)]
struct Scale {
    end: f64,
}

impl Scale {
    fn x(self, ratio: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * ratio / self.end
    }
}

/// The comparisons between programs; those between policies have another base.
fn bars(scenario: &ScenarioReport) -> Vec<Bar> {
    let contenders = scenario.contenders.iter().filter_map(|contender| {
        let class = match contender.name {
            "Pointsman" => "ours",
            "HAProxy" => "other",
            _ => return None,
        };
        Some(Bar { class, ratio: contender.ratio? })
    });
    contenders.collect()
}

fn head(height: f64, base: &str) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="CPU time per request in relation to {base}">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #24292f; }}
.title {{ font-size: 15px; font-weight: 600; }}
.axis, .tick {{ fill: #57606a; font-size: 12px; }}
.end {{ text-anchor: end; }}
.middle {{ text-anchor: middle; }}
.grid {{ stroke: #d0d7de; }}
.one {{ stroke: #57606a; stroke-width: 1.5; }}
.interval {{ stroke: #24292f; stroke-width: 1.2; }}
.ours {{ fill: #1a7f64; }}
.other {{ fill: #8c959f; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }}
.axis, .tick {{ fill: #9198a1; }}
.grid {{ stroke: #30363d; }}
.one {{ stroke: #9198a1; }}
.interval {{ stroke: #e6edf3; }}
.ours {{ fill: #3fb68b; }}
.other {{ fill: #6e7681; }}
}}
</style>
"##
    )
}

fn grid(svg: &mut String, scale: Scale, bottom: f64) {
    let step = if scale.end > 3.0 { 0.5 } else { 0.2 };
    let ticks = (scale.end / step).round() as u32;
    for tick in 0..=ticks {
        let ratio = f64::from(tick) * step;
        let x = scale.x(ratio);
        line(svg, "grid", (x, TOP - 4.0), (x, bottom));
        text(svg, x, bottom + 16.0, "tick middle", &format!("{ratio:.1}"));
    }
}

fn draw_bar(svg: &mut String, scale: Scale, y: f64, bar: &Bar) {
    let end = scale.x(bar.ratio.median);
    let middle = y + BAR / 2.0;
    // Writing to a String doesn't fail, here and below.
    let _ = writeln!(
        svg,
        r#"<rect class="{}" x="{LEFT}" y="{y:.1}" width="{:.1}" height="{BAR}" rx="2"/>"#,
        bar.class,
        end - LEFT
    );
    line(svg, "interval", (scale.x(bar.ratio.low), middle), (scale.x(bar.ratio.high), middle));
    let beside = scale.x(bar.ratio.high.max(bar.ratio.median)).max(scale.x(1.0)) + 6.0;
    text(svg, beside, middle + 4.5, "value", &format!("{:.2}", bar.ratio.median));
}

fn legend(svg: &mut String, base: &str) {
    let title = format!("CPU per request, {base} = 1");
    text(svg, 16.0, 26.0, "title", &title);
    for (x, class, name) in
        [(LEFT + 170.0, "ours", "Pointsman (Wasm policy)"), (LEFT + 360.0, "other", "HAProxy")]
    {
        if class == "other" && base == "HAProxy" {
            continue;
        }
        let _ = writeln!(svg, r#"<rect class="{class}" x="{x}" y="15" width="13" height="13" rx="2"/>"#);
        text(svg, x + 19.0, 26.0, "label", name);
    }
}

fn line(svg: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(svg, r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#);
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, content: &str) {
    let _ = writeln!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{content}</text>"#);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_their_place_between_the_ends() {
        let scale = Scale { end: 2.0 };
        assert_eq!((scale.x(0.0), scale.x(1.0), scale.x(2.0)), (LEFT, f64::midpoint(LEFT, RIGHT), RIGHT));
    }

    #[test]
    fn a_bar_is_as_long_as_its_ratio() {
        let mut svg = String::new();
        let ratio = Ratio { median: 1.5, low: 1.4, high: 1.6 };
        draw_bar(&mut svg, Scale { end: 3.0 }, 10.0, &Bar { class: "ours", ratio });
        assert!(svg.contains(&format!(r#"width="{:.1}""#, (RIGHT - LEFT) / 2.0)), "{svg}");
        assert!(svg.contains(">1.50<"), "{svg}");
    }
}
