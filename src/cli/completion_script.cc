#include "cli/completion_script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "model/result.h"

namespace hirestream {
namespace {

struct Word {
  std::string text;
  std::string help;  // its first line
  bool takes_value = false;
  std::string path = {};  // of a subcommand, or of what it is another name of
};

struct Command {
  std::string path;  // "", "run", "rejects list"
  // The names of each of its words: "rejects", "sources status".
  std::vector<std::string> names;
  std::vector<Word> options;
  std::vector<Word> subcommands;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names = {app.get_name()};
  names.insert(names.end(), app.get_aliases().begin(), app.get_aliases().end());
  return names;
}

std::string path_of(const CLI::App& child, const std::string& parent) {
  return parent.empty() ? child.get_name() : parent + " " + child.get_name();
}

void collect(const CLI::App& app, const std::string& path, std::vector<std::string> names,
             std::vector<Command>& out) {
  Command command{.path = path, .names = names, .options = {}, .subcommands = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) {
      continue;  // hidden
    }
    for (const std::string& name : option->get_lnames()) {
      command.options.push_back({"--" + name, first_line(option->get_description()),
                                 option->get_items_expected_max() > 0});
    }
  }
  const auto children =
      app.get_subcommands([](const CLI::App* child) { return !child->get_group().empty(); });
  for (const CLI::App* child : children) {
    for (const std::string& name : names_of(*child)) {
      command.subcommands.push_back(
          {name, first_line(child->get_description()), false, path_of(*child, path)});
    }
  }
  out.push_back(std::move(command));
  for (const CLI::App* child : children) {
    names.push_back(fmt::format("{}", fmt::join(names_of(*child), " ")));
    collect(*child, path_of(*child, path), names, out);
    names.pop_back();
  }
}

std::string texts(const std::vector<Word>& words) {
  std::vector<std::string> out;
  for (const Word& word : words) {
    out.push_back(word.text);
  }
  return fmt::format("{}", fmt::join(out, " "));
}

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

std::string bash_script(const std::vector<Command>& commands) {
  std::string out =
      "# bash completion for hirestream\n"
      "_hirestream() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" word words=\"\"\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$path/$word\" in\n";
  for (const Command& command : commands) {
    for (const Word& child : command.subcommands) {
      out += fmt::format("      \"{}/{}\") path=\"{}\" ;;\n", command.path, child.text, child.path);
    }
  }
  out += "    esac\n  done\n  case \"$path\" in\n";
  const std::string global = texts(commands.front().options);
  for (const Command& command : commands) {
    std::string words = texts(command.options) + " " + texts(command.subcommands);
    words += command.path.empty() ? "" : " " + global;
    out += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.path, words);
  }
  out +=
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then\n"
      "    compopt -o default 2>/dev/null\n"
      "  fi\n"
      "}\n"
      "complete -F _hirestream hirestream\n";
  return out;
}

std::string zsh_words(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) {
    std::string described = word.text + ":" + word.help;
    out += " " + single_quoted(described);
  }
  return out;
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::string out =
      "#compdef hirestream\n"
      "_hirestream() {\n"
      "  local commandpath=\"\" word\n"
      "  local -a candidates\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$commandpath/$word\" in\n";
  for (const Command& command : commands) {
    for (const Word& child : command.subcommands) {
      out += fmt::format("      \"{}/{}\") commandpath=\"{}\" ;;\n", command.path, child.text,
                         child.path);
    }
  }
  out += "    esac\n  done\n  case \"$commandpath\" in\n";
  for (const Command& command : commands) {
    std::string words = zsh_words(command.subcommands) + zsh_words(command.options);
    words += command.path.empty() ? "" : zsh_words(commands.front().options);
    out += fmt::format("    \"{}\") candidates=({}) ;;\n", command.path, words);
  }
  out +=
      "  esac\n"
      "  _describe 'hirestream' candidates || _files\n"
      "}\n"
      "compdef _hirestream hirestream\n";
  return out;
}

std::string fish_script(const std::vector<Command>& commands) {
  std::string out =
      "# fish completion for hirestream\n"
      "complete -c hirestream -e\n";
  for (const Command& command : commands) {
    std::string condition = command.names.empty() ? "__fish_use_subcommand" : "";
    for (const std::string& names : command.names) {
      condition += (condition.empty() ? "" : "; and ") +
                   fmt::format("__fish_seen_subcommand_from {}", names);
    }
    for (const Word& child : command.subcommands) {
      out += fmt::format("complete -c hirestream -f -n {} -a {} -d {}\n", single_quoted(condition),
                         child.text, single_quoted(child.help));
    }
    for (const Word& option : command.options) {
      // The root's options may stand behind every subcommand.
      out += fmt::format("complete -c hirestream{} -l {}{} -d {}\n",
                         command.path.empty() ? "" : " -n " + single_quoted(condition),
                         option.text.substr(2), option.takes_value ? " -r" : "",
                         single_quoted(option.help));
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<Command> commands;
  collect(app, "", {}, commands);
  if (shell == "bash") {
    return bash_script(commands);
  }
  if (shell == "zsh") {
    return zsh_script(commands);
  }
  HIRESTREAM_CHECK(shell == "fish");
  return fish_script(commands);
}

}  // namespace hirestream
