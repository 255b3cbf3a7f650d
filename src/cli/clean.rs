//! Text from files, without control characters and bidirectional formatting marks, and without commands to CI services:
//! it must control neither the terminal nor what else reads the output.

/// Whether a character acts on the terminal: control characters, line and paragraph separators, and bidirectional
/// formatting (Unicode's UAX 9).
pub fn is_terminal_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Removes whatever could control the terminal, or the CI service that reads the output.
pub fn clean(text: &str) -> String {
    lines_without_commands(&without_controls(text))
}

/// How commands begin that Azure, TeamCity and older runners of GitHub recognise anywhere in a line.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// The same JSON, escaped so that no CI service takes any of it for a command.
pub fn json_without_commands(text: &str) -> String {
    (COMMANDS.iter()).fold(text.to_owned(), |text, command| {
        text.replace(command, &command.replacen('#', "\\u0023", 1))
    })
}

/// Text whose lines no CI service takes for commands.
pub fn lines_without_commands(text: &str) -> String {
    let lines = text.split_inclusive(begins_a_line);
    lines.map(without_commands).collect()
}

/// Whether some program that reads the output takes what follows the character for another line.
fn begins_a_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// A line that no CI service takes for a command: GitHub and Forgejo recognise `::` at its start.
fn without_commands(line: &str) -> String {
    let text = line.trim_start();
    let blank = &line[..line.len() - text.len()];
    let text = match text.strip_prefix("::") {
        Some(rest) => format!("\u{fffd}:{rest}"),
        None => text.to_owned(),
    };
    let defused = COMMANDS.iter().fold(text, |text, command| {
        text.replace(command, &command.replacen('#', "\u{fffd}", 1))
    });
    format!("{blank}{defused}")
}

/// Removes whatever could control the terminal, except line feeds.
pub fn without_controls(text: &str) -> String {
    text.chars()
        .map(|c| {
            if is_terminal_control(c) && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_file_is_a_command_to_the_service_that_reads_the_output() {
        let text = "error: bad\n::error::x\n  ::stop-commands::y\n\u{1b}::set-output name=a::b\na ##vso[task] b\n##[group]";
        assert_eq!(
            clean(text),
            "error: bad\n\u{fffd}:error::x\n  \u{fffd}:stop-commands::y\n\u{fffd}::set-output name=a::b\na \u{fffd}#vso[task] b\n\u{fffd}#[group]"
        );
        assert_eq!(
            lines_without_commands("a\r::error::b\u{2028}::c\r\n::d"),
            "a\r\u{fffd}:error::b\u{2028}\u{fffd}:c\r\n\u{fffd}:d"
        );
        assert_eq!(
            clean("std::path stays, and # and ## do"),
            "std::path stays, and # and ## do"
        );
    }
}
