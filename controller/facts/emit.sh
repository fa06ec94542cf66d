# Joined to the front of the scripts that fleetsync sends to hosts.

newline='
'

# emit KEY VALUE: one line of a script's answer; a value with newlines or backslashes stays one line.
emit() {
  case $2 in
    *\\*|*"$newline"*)
      rest=$2 done=
      while :; do
        case $rest in
          [\\]*) done=$done'\\' ;;
          "$newline"*) done=$done'\n' ;;
          *) plain=${rest%%[\\"$newline"]*}
             done=$done$plain rest=${rest#"$plain"}
             [ -n "$rest" ] && continue
             break ;;
        esac
        rest=${rest#?}
      done
      printf '%s=%s\n' "$1" "$done" ;;
    *) printf '%s=%s\n' "$1" "$2" ;;
  esac
}
