"""Why a plot is judged as it is: every number from reading to verdict, with its formula and its source."""
