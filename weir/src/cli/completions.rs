//! `weir completions`: scripts that complete this command line.

use clap::{Args, Command, CommandFactory as _, ValueEnum};

use super::{Cli, Failure, print};

const AFTER_HELP: &str = "\
Examples:
  weir completions bash > ~/.local/share/bash-completion/completions/weir
  weir completions zsh > \"${fpath[1]}/_weir\"
  weir completions fish > ~/.config/fish/completions/weir.fish";

/// Print a completion script for a shell.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// Prints a script.
pub(super) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "weir", &mut script);
    if shell == clap_complete::Shell::Fish {
        script.extend(fish_values(&Cli::command()).bytes());
    }
    print(&script)
}

/// What the generator leaves out for fish: values of arguments that have no option's name.
fn fish_values(root: &Command) -> String {
    let mut out = String::new();
    for command in root.get_subcommands() {
        let using = format!("__fish_weir_using_subcommand {}", command.get_name());
        out.push_str(&fish_line(&using, command));
        for inner in command.get_subcommands() {
            let using = format!("{using}; and __fish_seen_subcommand_from {}", inner.get_name());
            out.push_str(&fish_line(&using, inner));
        }
    }
    out
}

fn fish_line(condition: &str, command: &Command) -> String {
    let values = command.get_positionals().filter_map(|arg| arg.get_value_parser().possible_values()).flatten();
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("complete -c weir -n \"{condition}\" -f -a \"{}\"\n", names.join(" "))
}
