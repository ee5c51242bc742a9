#pragma once

#include "search/evaluator.hpp"

namespace switchyard {

class Options;

// Progress on stderr with rate and time left: on a terminal a line that is rewritten a few times a second, elsewhere
// a line every ten seconds. A count that starts over begins a new stage. Nothing if --quiet is given.
Progress progress_for(const Options& options);

// "1:02:03", "2:03" or "3 s": seconds as people read them.
std::string readable_duration(double seconds);

}  // namespace switchyard
