# Read by the shells of jobs, by BASH_ENV: `python -m aubert` is run by the server of warm.py.
python() {
  if [ "${1-} ${2-}" = "-m aubert" ]; then
    command python -I -S "$WARM_CLIENT" "$@"
  else
    command python "$@"
  fi
}
# A training takes the place of its shell.
exec() {
  if [ "${1-}" = python ]; then
    "$@"
    exit
  else
    builtin exec "$@"
  fi
}
