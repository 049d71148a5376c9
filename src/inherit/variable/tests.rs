//! What is written is read back, and hostile text gives one problem.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn sample() -> Inherited {
    let mut inherited = Inherited::of(&OutputContext::builder("uno").build());
    inherited.time = SentTime {
        origin: Duration::new(1_795_653_377, 250_000_000),
        elapsed: Duration::from_millis(1_500),
        sent: Reading { wall: Duration::new(1_795_653_378, 750_000_000), monotonic: Some(Duration::from_secs(61_234)) },
    };
    inherited.parent_id = 7;
    inherited
}

fn decode(text: &str) -> Result<Inherited, Problem> {
    Inherited::decode(text)
}

#[test]
fn the_text_can_be_read_by_people() {
    let mut inherited = sample();
    inherited.verbosity = "info,linker=trace".parse().unwrap();
    inherited.fields = vec![
        ("env".to_owned(), "the first; 100%".into()),
        ("jobs".to_owned(), 8_u64.into()),
        ("a:b=c".to_owned(), Value::List(vec![String::new(), "x,y".to_owned()])),
    ];
    assert_eq!(
        inherited.encode().unwrap(),
        "1;name=uno;parent=7;origin=1795653377.250000000;elapsed=1.500000000;wall=1795653378.750000000;mono=61234.000000000;\
         verbosity=info,linker=trace;str:env=the%20first%3B%20100%25;u64:jobs=8;list:a%3Ab%3Dc=,,x%2Cy"
    );
    assert_eq!(decode(&inherited.encode().unwrap()), Ok(inherited));
}

#[test]
fn fields_that_do_not_fit_are_left_out_from_the_end_and_counted() {
    let mut inherited = sample();
    for (length, kept) in [(5_000, 3), (8_192, 1), (20_000, 1)] {
        let fields = ["first", "second", "third"].map(|name| (name.to_owned(), Value::from("x".repeat(10))));
        inherited.fields = fields.to_vec();
        inherited.fields[1].1 = "y".repeat(length).into();
        let text = inherited.encode().unwrap();
        assert!(text.len() <= INHERITED_BYTES, "{}", text.len());
        let read = decode(&text).unwrap();
        assert_eq!(read.fields[..], inherited.fields[..read.fields.len()]);
        assert_eq!(read.left_out as usize, 3 - read.fields.len());
        assert_eq!(read.fields.len(), kept, "what follows a field that does not fit is left out, too");
    }
}

/// At every length around the limit, all that fits is there, and nothing is torn.
#[test]
fn the_limit_is_exact() {
    let mut inherited = sample();
    inherited.fields = vec![("a".to_owned(), 1_u64.into()), ("b".to_owned(), Value::from(""))];
    let empty = inherited.encode().unwrap().len();
    for more in INHERITED_BYTES - empty - 40..INHERITED_BYTES - empty + 40 {
        inherited.fields[1].1 = "x".repeat(more).into();
        let text = inherited.encode().unwrap();
        let read = decode(&text).unwrap();
        let fits = empty + more <= INHERITED_BYTES;
        assert_eq!((read.fields.len(), read.left_out), if fits { (2, 0) } else { (1, 1) }, "{more}");
        assert_eq!(text.len() == empty + more, fits);
    }
}

#[test]
fn what_is_too_long_without_fields_is_not_written() {
    let mut inherited = sample();
    inherited.name = "é".repeat(2_000);
    assert_eq!(inherited.encode(), None);
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    let text = sample().encode().unwrap() + ";colour=red;u256:big=1";
    assert_eq!(decode(&text), Ok(Inherited { left_out: 1, ..sample() }));
}

#[test]
fn hostile_text_gives_a_problem_that_names_what_is_wrong() {
    let good = sample().encode().unwrap();
    let replaced = |from: &str, to: &str| {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        bad
    };
    let cases = [
        (String::new(), "its version is \"\""),
        ("1".to_owned(), "the part \"\" has no '='"),
        (replaced("1;", "2;"), "its version is \"2\""),
        (replaced("1;", "01;"), "its version"),
        ("x".repeat(9_000), "it has 9000 bytes"),
        (format!("{good};"), "has no '='"),
        (replaced("uno", "%zz"), "not followed by two hexadecimal digits"),
        (replaced("uno", "%"), "at the end of a value"),
        (replaced("uno", "%ff"), "not UTF-8"),
        (replaced("uno", "u\u{1b}[31m"), "0x1b"),
        (replaced("uno", "u o"), "0x20"),
        (replaced("name=", "names="), "does not have all of"),
        (replaced("name=", "name=a;name="), "its name is there twice"),
        (replaced("parent=7", "parent=7000000000000000000000"), "its \"parent\" is no number that fits"),
        (replaced("parent=7", "parent=-7"), "its \"parent\" is no number"),
        (replaced("parent=7", "parent=0"), "its parent is 0, which is the id of no context"),
        (replaced("elapsed=1.5", "elapsed=99999999999999999999.5"), "its elapsed is no time"),
        (replaced("wall=1", "wall=-1"), "its wall is no time"),
        (replaced("verbosity=info", "verbosity=loud=loud"), "its verbosity is bad"),
        (format!("{good};trace=00-0-0-0"), "its trace is bad"),
        (format!("{good};u64:jobs=8;str:jobs=x"), "its field \"jobs\" is there twice"),
        (format!("{good};u64:jobs=x"), "its \"jobs\" is no number"),
        (format!("{good};null:x=1"), "is null and has a value"),
        (format!("{good};list:x=1,2"), "does not begin with a comma"),
        #[cfg(feature = "file")]
        (format!("{good};file=uno.log,json"), "is not absolute"),
        #[cfg(all(feature = "file", unix))]
        (format!("{good};file=/uno.log,xml"), "\"xml\" of a file"),
        #[cfg(all(feature = "file", unix))]
        (format!("{good};file=/uno.log,json,mode=99"), "\"mode\" \"99\""),
        #[cfg(all(feature = "file", unix))]
        (format!("{good};file=/uno.log,json,exec=1"), "\"exec\" \"1\""),
    ];
    for (text, expected) in cases {
        let problem = decode(&text).unwrap_err();
        assert!(problem.contains(expected), "{text}: {problem}");
        assert!(problem.len() < 400 && !problem.contains(char::is_control), "{problem}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        any::<i128>().prop_map(Value::I128),
        any::<u128>().prop_map(Value::U128),
        any::<f64>().prop_map(Value::F64),
        any::<String>().prop_map(Value::Str),
        prop::collection::vec(any::<String>(), 0..4).prop_map(Value::List),
    ]
}

fn durations() -> impl Strategy<Value = Duration> {
    (0..253_402_300_799_u64, 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

prop_compose! {
    fn contexts()(
        name in any::<String>(),
        parent_id in any::<u64>(),
        times in [durations(), durations(), durations()],
        monotonic in prop::option::of(durations()),
        level in 0..6_usize,
        targets in prop::collection::vec(("[a-z_]{1,8}(::[a-z]{1,8})?", 0..6_usize), 0..4),
        trace in prop::option::of((1_u128.., 1_u64.., any::<bool>())),
        fields in prop::collection::btree_map(any::<String>(), values(), 0..6),
        left_out in prop_oneof![Just(0), any::<u64>().prop_map(|count| count / 2)],
    ) -> Inherited {
        let levels = crate::verbosity::LEVELS;
        let plain = Verbosity::from(levels[level]);
        let verbosity = targets.into_iter().fold(plain, |all, (target, level)| all.with_target(target, levels[level]));
        let [origin, elapsed, wall] = times;
        Inherited {
            name,
            parent_id,
            time: SentTime { origin, elapsed, sent: Reading { wall, monotonic } },
            verbosity,
            trace: trace.and_then(|(trace, span, is_sampled)| TraceContext::new(trace, span, is_sampled)),
            fields: fields.into_iter().collect(),
            left_out,
            #[cfg(feature = "file")]
            files: Vec::new(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(inherited in contexts()) {
        let Some(text) = inherited.encode() else { return Ok(()) };
        prop_assert!(text.len() <= INHERITED_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic()));
        let read = decode(&text).map_err(TestCaseError::fail)?;
        if read.left_out == inherited.left_out {
            prop_assert_eq!(read, inherited);
        } else {
            let kept = read.fields.len();
            prop_assert_eq!(&read.fields[..], &inherited.fields[..kept]);
            prop_assert_eq!(read.left_out, inherited.left_out + (inherited.fields.len() - kept) as u64);
            let rest = Inherited { fields: inherited.fields.clone(), left_out: inherited.left_out, ..read };
            prop_assert_eq!(rest, inherited);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = decode(&text);
        let _ = decode(&format!("1;{text}"));
    }

    #[test]
    fn a_damaged_text_is_read_or_refused(inherited in contexts(), at in any::<prop::sample::Index>(), byte in 0..128_u8, cut in any::<bool>()) {
        let Some(text) = inherited.encode() else { return Ok(()) };
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let text = String::from_utf8(bytes).unwrap();
        match decode(&text) {
            // What was read can be written, and means the same.
            Ok(read) => prop_assert!(read.encode().is_none_or(|text| decode(&text).is_ok())),
            Err(problem) => prop_assert!(!problem.is_empty() && !problem.contains(char::is_control), "{}", problem),
        }
    }
}
