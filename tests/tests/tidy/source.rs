//! Rust as a rule sees it: comments and texts masked, so that only code is found.

/// A function of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// Lines from there to its closing brace.
    pub(crate) lines: usize,
}

/// The same text with the inside of every comment, string and character replaced by spaces. Lines
/// stay where they are.
pub(crate) fn masked(text: &str) -> String {
    let mut code: Vec<char> = Vec::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(first) = chars.get(at) {
        let end = literal_end(&chars, at);
        if end == at {
            code.push(*first);
            at += 1;
            continue;
        }
        code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    code.into_iter().collect()
}

/// Where the comment or literal that starts at `at` ends; `at` itself if none does.
fn literal_end(chars: &[char], at: usize) -> usize {
    let peek = |ahead: usize| chars.get(at + ahead).copied().unwrap_or('\n');
    match (peek(0), peek(1)) {
        ('/', '/') => chars.iter().skip(at).position(|c| *c == '\n').map_or(chars.len(), |length| at + length),
        ('/', '*') => block_comment_end(chars, at),
        ('"', _) => quoted_end(chars, at + 1, '"'),
        // A lifetime has no closing quote.
        ('\'', '\\') => quoted_end(chars, at + 1, '\''),
        ('\'', _) if peek(2) == '\'' => at + 3,
        ('r', '"' | '#') if !continues_word(chars, at) => raw_end(chars, at),
        _ => at,
    }
}

/// Whether the letter at `at` belongs to a longer word; the `b` of `br"…"` does not count.
fn continues_word(chars: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| chars.get(at)).copied().unwrap_or(' ');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    word(before(1)) && (before(1) != 'b' || word(before(2)))
}

fn quoted_end(chars: &[char], mut at: usize, quote: char) -> usize {
    while let Some(c) = chars.get(at) {
        match *c {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let hashes = chars.iter().skip(at + 1).take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let closes =
        |from: usize| chars.get(from) == Some(&'"') && (1..=hashes).all(|ahead| chars.get(from + ahead) == Some(&'#'));
    (open + 1..chars.len()).find(|from| closes(*from)).map_or(chars.len(), |from| from + 1 + hashes)
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars.get(at), chars.get(at + 1)) {
            (Some('/'), Some('*')) => {
                depth += 1;
                at += 2;
            }
            (Some('*'), Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

/// The lines, from 1, on which `word` stands as a whole: not as part of a longer name.
pub(crate) fn lines_with(masked: &str, word: &str) -> Vec<usize> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(masked.lines()) {
        let whole = line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back().is_some_and(part_of_name);
            let after = line[at + word.len()..].chars().next().is_some_and(part_of_name);
            let opens = word.starts_with(part_of_name);
            let closes = word.ends_with(part_of_name);
            !(before && opens || after && closes)
        });
        if whole {
            lines.push(number);
        }
    }
    lines
}

/// The functions with a body.
pub(crate) fn functions(masked: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in masked.match_indices("fn ") {
        let alone = !masked[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &masked[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !alone || name.is_empty() {
            continue;
        }
        let Some(body) = body_start(rest) else { continue };
        let Some(end) = block_end(&rest[body..]) else { continue };
        let line = masked[..at].matches('\n').count() + 1;
        let lines = rest[..body + end].matches('\n').count() + 1;
        found.push(Function { name, line, lines });
    }
    found
}

/// Where the body of the function whose signature `text` begins with opens; none if it is only declared.
fn body_start(text: &str) -> Option<usize> {
    let mut nested = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => nested += 1,
            ')' | ']' => nested -= 1,
            '{' if nested == 0 => return Some(at),
            ';' if nested == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Where the block that `text` opens with ends.
fn block_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn comments_and_texts_are_masked_and_code_is_not() {
    let text = "let a = \"unsafe \\\" {\"; // unsafe {\nlet b = r#\"unsafe \" {\"#; /* /* { */ unsafe */ let c = '{';\nlet d: &'a str = br\"{\";";
    let code = masked(text);
    assert!(!code.contains("unsafe") && !code.contains('{'), "{code}");
    assert!(code.contains("let b = ") && code.contains("let c = ") && code.contains("let d: &'a str"), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn a_word_is_found_whole_only() {
    assert_eq!(lines_with("unsafe_code\nunsafe {\nmy_unsafe", "unsafe"), [2]);
    assert_eq!(lines_with("a.unwrap();\na.unwrap_or(b)", ".unwrap()"), [1]);
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "impl A {\n    fn one(&self) -> u8 {\n        if a { b }\n        1\n    }\n    fn declared(a: [u8; 2]);\n}\nfn two(a: [u8; 2]) {}\n";
    let found = functions(text);
    assert_eq!(
        found,
        [
            Function { name: "one".to_owned(), line: 2, lines: 4 },
            Function { name: "two".to_owned(), line: 8, lines: 1 }
        ]
    );
}
