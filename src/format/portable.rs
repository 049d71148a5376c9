//! A format as words, so that another process can make the same: `json`, and the options that differ from those that the layout begins with.
//!
//! A layout or a timer of the program's own is code, and cannot be written.

use super::choice::{Format, Kind};
use super::color::Color;
use super::options::{Ansi, Options};
use super::renderer::Renderer;
use super::times::{ElapsedStyle, Time};
use super::timestamp::Offset;

/// Finds an option that is on or off.
type Flag = fn(&mut Options) -> &mut bool;

/// The options that are on or off, by their names.
const FLAGS: [(&str, Flag); 13] = [
    ("context", |options| &mut options.context),
    ("context_fields", |options| &mut options.context_fields),
    ("seq", |options| &mut options.seq),
    ("target", |options| &mut options.target),
    ("location", |options| &mut options.location),
    ("thread_name", |options| &mut options.thread_name),
    ("thread_id", |options| &mut options.thread_id),
    ("multiline", |options| &mut options.multiline),
    ("aligned", |options| &mut options.aligned),
    ("flatten", |options| &mut options.flatten),
    ("current_span", |options| &mut options.current_span),
    ("span_list", |options| &mut options.span_list),
    ("fields", |options| &mut options.fields),
];

const COLORS: [(&str, Color); 3] = [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];

const TIMES: [(&str, Time); 5] = [
    ("auto", Time::Auto),
    ("elapsed", Time::Elapsed),
    ("wall", Time::Wall),
    ("both", Time::Both),
    ("none", Time::None),
];

const ANSI: [(&str, Ansi); 4] =
    [("auto", Ansi::Auto), ("keep", Ansi::Keep), ("strip", Ansi::Strip), ("escape", Ansi::Escape)];

/// The word for `value` in `table`.
fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> Option<&'static str> {
    table.iter().find(|(_, known)| known == value).map(|(word, _)| *word)
}

/// What `word` stands for in `table`.
fn value<T: Copy>(table: &[(&'static str, T)], word: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

impl Renderer {
    /// Returns the format as words: the layout, and each option with its value. `None` if it cannot be written, and if elapsed times do not
    /// count from the origin of the record's context.
    pub(crate) fn to_words(&self) -> Option<(String, Vec<(&'static str, String)>)> {
        let format = self.format();
        if self.origin().is_some() || format.timer.is_some() {
            return None;
        }
        let layout = match format.layout {
            Kind::Custom(_) => return None,
            _ => format.to_string(),
        };
        let base = Format::of_layout(&layout)?.options;
        // The renderer has decided these two. What they were before may mean something else in the other process.
        let color = if self.is_colored() { Color::Always } else { Color::Never };
        let mut words = vec![("color", word(&COLORS, &color)?.to_owned())];
        words.push(("time", word(&TIMES, &format.options.times.shown)?.to_owned()));
        if format.options.times.offset != base.times.offset {
            words.push(("offset", format.options.times.offset.minutes().to_string()));
        }
        if format.options.times.style != base.times.style {
            words.push(match format.options.times.style {
                ElapsedStyle::Clock { digits } => ("clock", digits.to_string()),
                ElapsedStyle::Seconds { digits, width } => ("seconds", format!("{digits}.{width}")),
            });
        }
        if format.options.ansi != base.ansi {
            words.push(("ansi", word(&ANSI, &format.options.ansi)?.to_owned()));
        }
        for (name, flag) in FLAGS {
            let value = *flag(&mut { format.options });
            if value != *flag(&mut { base }) {
                words.push((name, value.to_string()));
            }
        }
        Some((layout, words))
    }
}

impl Format {
    /// Returns the format with the layout of this name, if it is one of ours.
    pub(crate) fn of_layout(name: &str) -> Option<Format> {
        let all = [Format::build, Format::text, Format::pretty, Format::json, Format::logfmt, Format::raw];
        all.into_iter().map(|make| make()).find(|format| format.to_string() == name)
    }

    /// Sets an option by its name and its value as words. `None` if there is no such option or value.
    pub(crate) fn with_option(mut self, name: &str, text: &str) -> Option<Format> {
        let times = &mut self.options.times;
        match name {
            "color" => self.options.color = value(&COLORS, text)?,
            "time" => times.shown = value(&TIMES, text)?,
            "offset" => {
                let minutes: i16 = text.parse().ok()?;
                times.offset = Offset::new(time::UtcOffset::from_whole_seconds(i32::from(minutes) * 60).ok()?);
            }
            "clock" => times.style = ElapsedStyle::Clock { digits: text.parse().ok()? },
            "seconds" => {
                let (digits, width) = text.split_once('.')?;
                times.style = ElapsedStyle::Seconds { digits: digits.parse().ok()?, width: width.parse().ok()? };
            }
            "ansi" => self.options.ansi = value(&ANSI, text)?,
            _ => {
                let (_, flag) = FLAGS.iter().find(|(known, _)| *known == name)?;
                *flag(&mut self.options) = text.parse().ok()?;
            }
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Screen;

    fn all_formats() -> Vec<Format> {
        let set: fn(Format) -> Format = |format| {
            format
                .color(Color::Always)
                .time(Time::Both)
                .offset(time::UtcOffset::from_hms(-3, -30, 0).unwrap())
                .elapsed_style(ElapsedStyle::Seconds { digits: 3, width: 8 })
                .ansi(Ansi::Strip)
        };
        let invert = |mut format: Format| {
            FLAGS.iter().for_each(|(_, flag)| *flag(&mut format.options) ^= true);
            format
        };
        let plain =
            [Format::build(), Format::text(), Format::pretty(), Format::json(), Format::logfmt(), Format::raw()];
        let clock = Format::text().elapsed_style(ElapsedStyle::Clock { digits: 9 }).time(Time::None);
        plain
            .into_iter()
            .flat_map(|format| [format.clone(), set(format.clone()), invert(set(format))])
            .chain([clock])
            .collect()
    }

    #[test]
    fn a_format_is_made_again_of_its_words() {
        for format in all_formats() {
            let renderer = Renderer::new(&format, Screen::File);
            let (layout, words) = renderer.to_words().unwrap();
            let again = words.iter().fold(Format::of_layout(&layout), |format, (name, value)| {
                format.and_then(|format| format.with_option(name, value))
            });
            assert_eq!(Renderer::new(&again.unwrap(), Screen::File), renderer, "{layout} {words:?}");
        }
    }

    #[test]
    fn code_and_another_origin_have_no_words() {
        let with_timer = Format::text().timer(|_, line| line.push("now"));
        assert_eq!(Renderer::new(&with_timer, Screen::File).to_words(), None);
        let renderer = Renderer::new(&Format::text(), Screen::File).with_origin(Some(crate::Origin::now()));
        assert_eq!(renderer.to_words(), None);
    }

    #[test]
    fn unknown_words_are_refused() {
        for (name, value) in [
            ("colour", "auto"),
            ("color", "red"),
            ("offset", "30000"),
            ("clock", "300"),
            ("seconds", "3"),
            ("seq", "1"),
        ] {
            assert_eq!(Format::json().with_option(name, value), None, "{name}={value}");
        }
        assert_eq!(Format::of_layout("xml"), None);
    }
}
