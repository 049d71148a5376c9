//! # A layout of your own
//!
//! A [`Layout`](crate::Layout) renders a record as a line. This one writes what a continuous-integration service reads as annotations:
//!
//! ```
//! use logscope::{Format, Layout, LayoutWriter, Level, OutputContext, Record, sink};
//!
//! struct Annotations;
//!
//! impl Layout for Annotations {
//!     fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
//!         match (record.level(), record.file(), record.line()) {
//!             (Level::ERROR, Some(file), Some(number)) => {
//!                 line.raw("::error file=");
//!                 line.push(file);
//!                 line.raw(",line=");
//!                 line.push_display(number);
//!                 line.raw("::");
//!             }
//!             (Level::WARN, ..) => line.raw("::warning::"),
//!             _ => {
//!                 line.push_time(record);
//!                 line.gap();
//!             }
//!         }
//!         line.push_message_and_fields(record);
//!     }
//! }
//!
//! logscope::init();
//! let (memory, lines) = sink::memory();
//! let build = OutputContext::builder("uno").sink(memory.format(Format::custom(Annotations))).build();
//! build.scope(|| tracing::warn!(line = 3, "unused variable\n::error::forged"));
//! assert_eq!(lines.text(), "::warning::unused variable\\n::error::forged line=3\n");
//! ```
//!
//! What is pushed is escaped, so the message above stays on one line. Only [`raw`](crate::LayoutWriter::raw) writes as it is: for your own
//! punctuation, never for text that somebody logged.
//!
//! # Looks of contexts, spans and fields
//!
//! The context, each span, and each field have a look: a method with a default. Contexts and spans are rendered once by it, and the bytes are copied
//! into each record.
//!
//! ```
//! use logscope::{ContextInfo, FieldValue, Format, Layout, LayoutWriter, OutputContext, Record, SpanInfo, sink};
//!
//! struct Arrows;
//!
//! impl Layout for Arrows {
//!     fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
//!         line.push_context(record);
//!         line.gap();
//!         line.push_spans(record);
//!         line.gap();
//!         line.push_message_and_fields(record);
//!     }
//!
//!     fn context(&self, context: &ContextInfo, line: &mut LayoutWriter<'_>) {
//!         line.raw("[");
//!         line.colored("\x1b[36m", |line| line.push(context.name()));
//!         line.raw("]");
//!     }
//!
//!     fn span(&self, span: SpanInfo<'_>, line: &mut LayoutWriter<'_>) {
//!         line.push(span.name());
//!     }
//!
//!     fn span_separator(&self) -> &str {
//!         " → "
//!     }
//!
//!     fn field(&self, name: &str, value: FieldValue<'_>, line: &mut LayoutWriter<'_>) {
//!         line.push_name(name);
//!         line.raw(": ");
//!         line.push_value(value);
//!     }
//! }
//!
//! logscope::init();
//! let (memory, lines) = sink::memory();
//! let uno = OutputContext::builder("uno").sink(memory.format(Format::custom(Arrows))).build();
//! uno.scope(|| {
//!     let _build = tracing::info_span!("build").entered();
//!     let _link = tracing::info_span!("link").entered();
//!     tracing::info!(size = 12, "linking");
//! });
//! assert_eq!(lines.text(), "[uno] build → link linking size: 12\n");
//! ```
//!
//! # Events without a message
//!
//! An event may have fields alone, as `tracing::info!(size = 12)` has, and `header!`, `unit!` and `finished!` of the build vocabulary. A layout
//! that pushes the message and nothing else writes an empty line for them. So push the fields, too, each part after a
//! [`gap`](crate::LayoutWriter::gap), which writes no blank where there is no message:
//!
//! ```
//! use logscope::{Format, Layout, LayoutWriter, LevelFilter, OutputContext, Record, build, sink};
//!
//! struct Named;
//!
//! impl Layout for Named {
//!     fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
//!         line.raw("[");
//!         line.push(record.context().name());
//!         line.raw("]");
//!         line.gap();
//!         line.push_message_and_fields(record);
//!     }
//! }
//!
//! logscope::init();
//! let (memory, lines) = sink::memory();
//! let format = Format::custom(Named);
//! let uno = OutputContext::builder("uno").verbosity(LevelFilter::DEBUG).sink(memory.format(format)).build();
//! uno.scope(|| {
//!     build::phase!(1, 9, "Compiling");
//!     build::unit!("core", "main.cpp");
//! });
//! assert_eq!(
//!     lines.lines(),
//!     ["[uno] Compiling build=phase phase=1 phases=9", "[uno] build=unit group=core unit=main.cpp cached=false"]
//! );
//! ```
//!
//! # More
//!
//! | what | how |
//! |---|---|
//! | the name of the context alone | `line.push(record.context().name())`; [`push_context`](crate::LayoutWriter::push_context) writes its fields, too |
//! | the target | [`push_target`](crate::LayoutWriter::push_target), which quotes one that is no plain word |
//! | parts that may be empty | [`gap`](crate::LayoutWriter::gap) writes a blank only between two parts that are not |
//! | colours | [`colored`](crate::LayoutWriter::colored), or [`is_colored`](crate::LayoutWriter::is_colored) and `raw`: the format decides, as everywhere |
//! | times | [`push_time`](crate::LayoutWriter::push_time) honours `time`, `offset`, `local`, `elapsed_style` and `timer` of the format |
//! | several lines | `raw("\n    ")` for lines of your own; [`push_message_lines`](crate::LayoutWriter::push_message_lines) for those of the message |
//! | a test | [`Format::render`](crate::Format::render) of a record, or [`sink::memory`](crate::sink::memory()) |
//! | the layout's own data | fields of the struct; it is shared by threads, so what changes is atomic or locked |
//! | something else than a line | [`RecordOutput`](crate::sink::RecordOutput) |
