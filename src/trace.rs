//! [`TraceContext`]: which distributed trace a piece of work belongs to, as W3C Trace Context writes it.
//!
//! This module reads and writes the header `traceparent`, and knows nothing of contexts or processes. Of this crate, it imports `error` only.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Identifies a distributed trace and one span in it, as the header `traceparent` of [W3C Trace Context] does.
///
/// ```
/// use logscope::{OutputContext, TraceContext, sink};
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace: TraceContext = header.parse()?;
/// assert_eq!(trace.to_string(), header);
///
/// let request = OutputContext::builder("request").trace(trace).sink(sink::null()).build();
/// assert_eq!(request.trace(), Some(trace));
/// assert_eq!(request.fields()[0].1.as_str(), Some("4bf92f3577b34da6a3ce929d0e0e4736")); // the field trace_id
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// A context has one if it is [given one](crate::ContextBuilder::trace). Child processes get it in the environment variable `TRACEPARENT`:
/// see [`InheritContext`](crate::InheritContext).
///
/// [W3C Trace Context]: https://www.w3.org/TR/trace-context-2/#traceparent-header
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TraceContext {
    trace_id: NonZeroU128,
    span_id: NonZeroU64,
    flags: u8,
}

/// The header in version 00 has this many bytes, and later versions have these first.
const LENGTH: usize = 55;

const SAMPLED: u8 = 0b01;
/// Says that the trace id was made at random.
const RANDOM: u8 = 0b10;

impl TraceContext {
    /// Makes one of its parts; `None` if an id is zero, which W3C Trace Context does not allow.
    ///
    /// ```
    /// use logscope::TraceContext;
    ///
    /// let trace = TraceContext::new(0x4bf9, 0xf067, true).unwrap();
    /// assert_eq!(trace.to_string(), "00-00000000000000000000000000004bf9-000000000000f067-01");
    /// assert_eq!(TraceContext::new(0, 1, true), None);
    /// ```
    #[must_use]
    pub fn new(trace_id: u128, span_id: u64, is_sampled: bool) -> Option<Self> {
        Some(TraceContext {
            trace_id: NonZeroU128::new(trace_id)?,
            span_id: NonZeroU64::new(span_id)?,
            flags: if is_sampled { SAMPLED } else { 0 },
        })
    }

    /// Returns the id of the trace. It is printed as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        self.trace_id.get()
    }

    /// Returns the id of the span in which this work was begun. It is printed as 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> u64 {
        self.span_id.get()
    }

    /// Returns true if the caller may have recorded the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The id of the trace, as it is printed.
    pub(crate) fn trace_id_text(&self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    /// Writes the header `traceparent`, in version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TraceContext { trace_id, span_id, flags } = self;
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

impl FromStr for TraceContext {
    type Err = Error;

    /// Reads the header `traceparent`. Of a later version than 00, the parts that version 00 knows are read.
    ///
    /// Of the flags, "sampled" and "random" are kept: the standard has others set to zero by those who do not know them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Parse`] if the text is no such header. The error says which part is wrong.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|problem| {
            let form = "a traceparent is 00-TRACE-SPAN-FLAGS, with 32, 16 and 2 hexadecimal digits in lower case";
            Error::new(ErrorKind::Parse, format!("{problem}; {form}"))
        })
    }
}

fn parse(text: &str) -> Result<TraceContext, &'static str> {
    let bytes = text.as_bytes();
    let Some((header, rest)) = bytes.split_at_checked(LENGTH) else { return Err("it is too short") };
    let [version, trace_id, span_id, flags] = [0..2, 3..35, 36..52, 53..55].map(|range| hexadecimal(&header[range]));
    if [2, 35, 52].iter().any(|at| header[*at] != b'-') {
        return Err("its parts are not separated by '-' where they should be");
    }
    match (version, rest) {
        (None | Some(0xff), _) => return Err("its version is invalid"),
        (Some(0), []) | (Some(1..), [] | [b'-', ..]) => {}
        (Some(_), _) => return Err("it is too long"),
    }
    let trace_id = trace_id.and_then(NonZeroU128::new).ok_or("the id of its trace is invalid")?;
    let span_id = span_id.and_then(|id| NonZeroU64::new(id as u64)).ok_or("the id of its span is invalid")?;
    let flags = flags.ok_or("its flags are invalid")? as u8 & (SAMPLED | RANDOM);
    Ok(TraceContext { trace_id, span_id, flags })
}

/// The number that `digits`, at most 32 of them, are. `None` if they are not all hexadecimal and in lower case.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_and_printed() {
        let trace: TraceContext = HEADER.parse().unwrap();
        assert_eq!(trace.to_string(), HEADER);
        assert_eq!(
            (trace.trace_id() >> 112, trace.span_id(), trace.is_sampled()),
            (0x4bf9, 0x00f0_67aa_0ba9_02b7, true)
        );
        assert_eq!(trace, TraceContext::new(trace.trace_id(), trace.span_id(), true).unwrap());
        assert_eq!(TraceContext::new(1, 0, false), None);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for later in ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd", &format!("01{}-what", &HEADER[2..])] {
            assert_eq!(later.parse::<TraceContext>().unwrap().to_string(), HEADER, "{later}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let zeros = |range: std::ops::Range<usize>| {
            let mut text = HEADER.to_owned();
            text.replace_range(range.clone(), &"0".repeat(range.len()));
            text
        };
        for bad in [
            "",
            "00",
            &HEADER[..54],
            &format!("{HEADER}-"),
            &format!("{HEADER}0"),
            &format!("01{}0", &HEADER[2..]),
            &format!("ff{}", &HEADER[2..]),
            &HEADER.to_uppercase(),
            &HEADER.replace('-', "_"),
            &format!(" {HEADER}"),
            &zeros(3..35),
            &zeros(36..52),
            &HEADER.replace("-01", "-+1"),
            &"é".repeat(28),
            &"-".repeat(1 << 20),
        ] {
            let error = bad.parse::<TraceContext>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parse);
            assert!(error.to_string().contains("00-TRACE-SPAN-FLAGS") && error.to_string().len() < 200, "{error}");
        }
    }
}
