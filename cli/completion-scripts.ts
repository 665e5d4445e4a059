/** The scripts with which shells ask for completions. They are short, because `tailrace __complete` does the work. */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * Bash breaks words at `:` and `=`: everything before the last of them is already on the line, and is removed from the
 * answers.
 */
const bash = `# tailrace's completion for bash:  source <(tailrace completion bash)
_tailrace() {
  local IFS=$'\\n'
  COMPREPLY=($(tailrace __complete bash "$COMP_WORDBREAKS" "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
}
complete -o default -F _tailrace tailrace
`;

const zsh = `#compdef tailrace
# tailrace's completion for zsh:  source <(tailrace completion zsh)
_tailrace() {
  local -a found
  found=("\${(@f)$(tailrace __complete zsh "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && _describe tailrace found || _files
}
compdef _tailrace tailrace
`;

const fish = `# tailrace's completion for fish:  tailrace completion fish | source
complete -c tailrace -f -a '(tailrace __complete fish (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`;

export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
