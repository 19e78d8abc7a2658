# What Prometheus on this server knows, for `fab dashboard`: the answers of its HTTP API, as it gives them. Writes nothing.

# dashboard_get PATH [ARGUMENT…]: print an answer; if there is none, the words of curl and its exit status.
dashboard_get() {
  local path
  path=$1
  shift
  curl -sS --noproxy '*' --max-time 20 --get "$@" "http://127.0.0.1:9090$path" 2>&1 || printf '\ncurl %s\n' "$?"
}

# dashboard_range SPAN STEP QUERY: print the values of the last SPAN seconds, one each STEP seconds.
dashboard_range() {
  local end
  end=$(date +%s)
  dashboard_get /api/v1/query_range --data-urlencode "query=$3" --data "start=$((end - $1))" --data "end=$end" --data "step=$2"
}

# dashboard_now QUERY: print the present values.
dashboard_now() { dashboard_get /api/v1/query --data-urlencode "query=$1"; }

# dashboard_alerts: print the alerts.
dashboard_alerts() { dashboard_get /api/v1/alerts; }
